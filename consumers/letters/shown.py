"""A dead letter as a line of JSON, for terminals and for jq. Pure."""

import base64
import re
from contextlib import suppress

import msgspec

from consumers.hours.times import moment_text
from consumers.letters.letter import Letter


def shown(letter: Letter, *, terminal: bool) -> str:
    """Return a letter as a line: the payload as base64, and also as text if it is UTF-8.

    `terminal` writes each character as a JSON escape that could move the cursor or change the order of reading.
    """
    described: dict[str, object] = {
        "position": str(letter.position),
        "arrival": moment_text(letter.arrival_ms),
        **{name: value for name, value in msgspec.to_builtins(letter).items() if name != "payload"},
        "base64": base64.b64encode(letter.payload).decode(),
    }
    with suppress(UnicodeDecodeError):
        described["text"] = letter.payload.decode("utf-8")
    line = msgspec.json.encode(described).decode()
    return re.sub(r"[^ -~]", _escaped, line) if terminal else line


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
