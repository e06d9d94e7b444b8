r"""Undoes what the escapes of nginx's log did to JSON.

By default, nginx writes `"`, `\` and every byte outside printable ASCII of a log variable as `\xHH`
(ngx_http_log_module, `log_format`, escape=default). JSON has no such escape, so text that holds one is not JSON, and
valid JSON is never changed. The text itself shows which repair applies; no repair is chosen because its result parses.
So no sender can choose it: nginx passes no raw `"` of a sender.

All repairs replace bytes in the whole text. One call for each escape would take seconds where there are millions.
"""

import re
from collections.abc import Iterator

from consumers.documents.skim import end_of

MOST_BODIES = 10_000
"""The most variables outside of strings in one text."""

_ESCAPE, _PAIR = b"\0", b"\1\1"  # neither JSON nor nginx writes them
_TEMPLATE = re.compile(rb'(?:[^"\\]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_KEY_ENDS = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_TEMPLATE_GOES_ON = re.compile(rb"[ \t\r\n}\]]*+(?:,[ \t\r\n]*+|(?<=\n)\{[ \t\r\n]*+)?")
_PRINTABLE = re.compile(rb"\\x(?:2[013-9a-f]|[346][0-9a-f]|5[0-9abdef]|7[0-9a-e])", re.IGNORECASE)


class _NotOfNginx(ValueError):
    """An escape stands where nginx would not have written one."""


def repaired(text: bytes) -> bytes | None:
    r"""Return the text as it was before nginx, or None if there is nothing to repair.

    Without any raw `"`, the whole body was a variable: each escape becomes its byte. Otherwise the quotes are the
    template's. Escapes within a string become JSON escapes, which cannot end the string. A variable outside of strings
    is JSON itself, the value of a key: each escape becomes its byte.
    """
    if b"\\x" not in text or b"\0" in text or b"\1" in text:
        return None
    try:
        if b'"' not in text:
            return _as_sent(text) if b"\\x22" in text else None
        if b"\\x" not in text.replace(b"\\\\", _PAIR):
            return None
        return b"".join(_repaired_parts(text))
    except (ValueError, RecursionError):
        return None


def _as_sent(text: bytes) -> bytes:
    """Replace each escape by its byte; keep other backslashes."""
    # One step at a time, so that no more than two copies of a large text exist at once.
    text = text.replace(b"\\x", _ESCAPE)
    text = text.replace(b"\\", b"\\\\")
    text = text.replace(_ESCAPE, b"\\x")
    sent = text.decode("unicode_escape")
    del text
    return sent.encode("latin-1")


def _in_strings(text: bytes) -> bytes:
    """Convert nginx's escapes to JSON's. An escaped backslash is one escape: what follows it is text."""
    text = text.replace(b"\\\\", _PAIR)
    for digit in (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"):
        text = text.replace(b"\\x" + digit, b"\\u00" + digit)
    if b"\\x" in text:  # a part of a character's UTF-8
        held = [text]
        del text
        text = _as_sent(held.pop())
    return text.replace(_PAIR, b"\\\\")


def _repaired_parts(text: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(MOST_BODIES):
        found = _TEMPLATE.match(text, at)
        stop = found.end() if found else at
        if text[stop : stop + 1] != b"\\":
            yield _in_strings(text[at:])
            return
        begin, end = text.rfind(b'"', at, stop) + 1, text.find(b'"', stop)
        end = len(text) if end < 0 else end
        yield _in_strings(text[at:begin])
        yield _body(text[begin:end])
        at = end
    raise _NotOfNginx


def _body(text: bytes) -> bytes:
    """Undo the escapes between two strings of the template: the value of a key, and the template's text after it.

    A sender cannot end a value and begin another: after its value no escape may stand, and no bracket be opened.
    """
    before = _KEY_ENDS.match(text)
    if before is None or text.count(b"\\") != text.count(b"\\x") or _PRINTABLE.search(text):
        raise _NotOfNginx
    sent = _as_sent(text[before.end() :])
    behind = sent[end_of(memoryview(sent), 0) :]
    if not text.endswith(behind) or not _TEMPLATE_GOES_ON.fullmatch(behind):
        raise _NotOfNginx
    return before[0] + sent
