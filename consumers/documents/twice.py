r"""Detects whether an object of JSON text has a key twice, with operations on bytes. Pure.

The text is decoded and encoded again. A duplicate key is dropped with its two quotes, and every other quote is encoded
again, also one that was written as `\u0022`. So a comparison of the numbers of quotes is enough, and the values need
not stay the same: fractions become their lengths, and long integers their digests, as a number may be of any size.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from consumers.documents.nesting import WINDOW, TooMany, outside, unveiled, values_of, veiled

_decode = msgspec.json.Decoder(float_hook=len).decode
_encode = msgspec.json.Encoder().encode
_MOST_DIGITS = 500  # Python refuses integers of more than 4,300 digits, and thousands take long
_LONG = re.compile(rb"(?<![0-9])[0-9]{%d,}" % _MOST_DIGITS)
_CLOSING = re.compile(rb"[]}]")
_OBJECT = re.compile(rb"\{[^][{}]*+\}")
_LEAF = rb"(?:\{[^][{}]*+\}|\[[^][{}]*+\])"
_LEAVES = re.compile(_LEAF + rb"(?:[ \t\n\r]*+,[ \t\n\r]*+" + _LEAF + rb")*+")
_FEW = 100_000  # values that may be held at once: some 20 MiB at worst
_MOST_WORK = 24 << 20  # bytes that are scanned repeatedly at most, so that it takes a second and not a minute


def quotes_in(text: bytes) -> int:
    """Count the quotes of a text, escaped code points of a quote included."""
    count = text.count(b'"')
    if b"\\u0022" in text:
        count += text.replace(b"\\\\", b"").count(b"\\u0022")
    return count


def has_key_twice(text: bytes, max_values: int) -> bool:
    """Return whether an object of JSON text, known to be valid otherwise and of any size, has a key twice.

    Only a part is held at a time: the innermost objects, then those around them, until few values are left.

    Raises:
        TooMany: more than `max_values` are left, or one object has more.

    """
    if len(text) <= _FEW or (left := values_of(outside(text))) <= _FEW:
        return _seen_twice(text)
    text, work = veiled(text), 0
    while left > _FEW and work < _MOST_WORK:
        work += len(text)
        parts = list[bytes]()
        for part in _cut(text.replace(b"[]", b"0").replace(b"{}", b"0")):
            if _innermost_has_key_twice(part, max_values):
                return True
            parts.append(_LEAVES.sub(b"0", part))
        text = b"".join(parts)
        left = values_of(outside(text))
    if left > max_values:
        raise TooMany
    return _seen_twice(unveiled(text))


def _cut(text: bytes) -> Iterator[bytes]:
    """Yield the text in pieces. A piece that ends with a closing bracket splits no innermost object or list."""
    at = 0
    while at < len(text):
        end = max(text.rfind(b"}", at, at + WINDOW), text.rfind(b"]", at, at + WINDOW)) + 1
        if not end:
            found = _CLOSING.search(text, at + WINDOW)
            end = found.end() if found else len(text)
        yield text[at:end]
        at = end


def _innermost_has_key_twice(part: bytes, max_values: int) -> bool:
    objects = _OBJECT.findall(part)
    if not objects:
        return False
    if len(part) > WINDOW and values_of(outside(objects[-1])) > max_values:
        raise TooMany
    return _seen_twice(unveiled(b"[" + b",".join(objects) + b"]"))


def _seen_twice(text: bytes) -> bool:
    text = _LONG.sub(_digest, text)
    return _encode(_decode(text)).count(b'"') != quotes_in(text)


def _digest(digits: re.Match[bytes]) -> bytes:
    """Shorten a long number so that different numbers stay different: it may be part of a key."""
    return b"1%d" % int(sha256(digits[0]).hexdigest(), 16)
