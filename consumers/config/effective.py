"""The effective properties file: what the JVM and the children read.

It is a ``.properties`` file in one canonical form, ASCII with a marker in its first line, so
that a child reads it without a general parser (whose import alone costs 45 ms of CPU in each
shard's process). Everything in it has been checked when it was written.
"""

import re
from collections.abc import Mapping

MARKER = "# kinesis-fleet: effective properties, version 1. Generated; edit its source instead."

_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_LINE = re.compile(r"((?:\\.|[^=\\])+)=(.*)")
_SPECIAL = re.compile(r"[\\=:#! \t\n\r\f]|[^\x21-\x7e]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def is_effective(text: str) -> bool:
    """Return whether ``text`` was made by :func:`write`."""
    return text.startswith(MARKER)


def write(values: Mapping[str, str]) -> str:
    """Return the text of the file, which ``java.util.Properties`` reads as the same keys and values."""
    lines = (f"{_escape(key)}={_escape(value)}\n" for key, value in values.items())
    return f"{MARKER}\n{''.join(lines)}"


def read(text: str) -> dict[str, str]:
    """Return the keys and values in a text that :func:`write` made."""
    pairs = (_LINE.fullmatch(line) for line in text.split("\n")[1:])
    return {_unescape(pair[1]): _unescape(pair[2]) for pair in pairs if pair}


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: _escape_one(match.group()), text)


def _escape_one(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if "\x20" <= character <= "\x7e":
        return f"\\{character}"
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[index : index + 4]}" for index in range(0, len(units), 4))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    units = _ESCAPED.sub(lambda match: _unescape_one(match.group(1)), text)
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


def _unescape_one(escape: str) -> str:
    if escape[0] == "u" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _CONTROL.get(escape, escape)
