r"""What nginx's log escapes did to JSON, taken back.

By default, a log variable's `"`, `\` and every byte outside printable ASCII are written as `\xHH` (nginx,
ngx_http_log_module, `log_format`, escape=default). JSON has no such escape, so text that holds one is no JSON, and
JSON is never touched. Which repair applies is read off the text; what parses is not tried. So no sender decides it:
nginx lets no raw `"` of a sender through.

All is done by replacing bytes of the whole text: a call for each escape would take seconds where there are millions.
"""

import re
from collections.abc import Iterator

from consumers.documents.skim import end_of

MOST_BODIES = 10_000
"""So many variables outside of strings may stand in one text."""

_ESCAPE, _PAIR = b"\0", b"\1\1"  # neither JSON nor nginx writes them
_TEMPLATE = re.compile(rb'(?:[^"\\]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_KEY_ENDS = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_TEMPLATE_GOES_ON = re.compile(rb"[ \t\r\n}\]]*+(?:,[ \t\r\n]*+|(?<=\n)\{[ \t\r\n]*+)?")
_PRINTABLE = re.compile(rb"\\x(?:2[013-9a-f]|[346][0-9a-f]|5[0-9abdef]|7[0-9a-e])", re.IGNORECASE)


class _NotOfNginx(ValueError):
    """An escape stands where nginx would have written none."""


def repaired(text: bytes) -> bytes | None:
    r"""Give the text as it was before nginx, or None where nothing is to be repaired.

    Without any raw `"`, the whole body was a variable: each escape becomes its byte.
    Otherwise the quotes are the template's. What a variable holds inside a string becomes JSON escapes, which cannot
    end the string. A variable outside of strings is JSON itself, the value of a key: each escape becomes its byte.
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
    """Make each escape its byte; another backslash stays."""
    # One step at a time, so that no more than two copies of a large text stand there.
    text = text.replace(b"\\x", _ESCAPE)
    text = text.replace(b"\\", b"\\\\")
    text = text.replace(_ESCAPE, b"\\x")
    sent = text.decode("unicode_escape")
    del text
    return sent.encode("latin-1")


def _in_strings(text: bytes) -> bytes:
    """Make escapes that JSON has of those of nginx. An escaped backslash is one: what follows it is text."""
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
    """Take back what stands between two strings of the template: the value of a key, and how the template goes on.

    A sender can end no value and begin another: behind its own value no escape may stand, and no bracket be opened.
    """
    before = _KEY_ENDS.match(text)
    if before is None or text.count(b"\\") != text.count(b"\\x") or _PRINTABLE.search(text):
        raise _NotOfNginx
    sent = _as_sent(text[before.end() :])
    behind = sent[end_of(memoryview(sent), 0) :]
    if not text.endswith(behind) or not _TEMPLATE_GOES_ON.fullmatch(behind):
        raise _NotOfNginx
    return before[0] + sent
