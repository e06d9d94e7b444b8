r"""Whether an object of JSON text has a key twice, found at the speed of bytes. Pure.

The text is decoded and encoded again. A key that was dropped took two quotes along, and every other quote comes out
again, also one that was spelt `\u0022`. So the quotes tell, and the values need not be the same: numbers become their
lengths, as a number may be of any size.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from consumers.documents.nesting import WINDOW, TooMany, outside, unveiled, values_of, veiled

_decode = msgspec.json.Decoder(float_hook=len).decode
_encode = msgspec.json.Encoder().encode
_MOST_DIGITS = 500  # Python makes no integer of more than 4,300, and one of thousands takes long
_LONG = re.compile(rb"(?<![0-9])[0-9]{%d,}" % _MOST_DIGITS)
_CLOSING = re.compile(rb"[]}]")
_OBJECT = re.compile(rb"\{[^][{}]*+\}")
_LEAF = rb"(?:\{[^][{}]*+\}|\[[^][{}]*+\])"
_LEAVES = re.compile(_LEAF + rb"(?:[ \t\n\r]*+,[ \t\n\r]*+" + _LEAF + rb")*+")
_FEW = 100_000  # values that are held at once without more ado: some 20 MiB at the worst
_MOST_WORK = 24 << 20  # bytes that are looked at again and again, so that it takes a second and not a minute


def quotes_in(text: bytes) -> int:
    """Count the quotes that the text has when each is written as itself."""
    count = text.count(b'"')
    if b"\\u0022" in text:
        count += text.replace(b"\\\\", b"").count(b"\\u0022")
    return count


def has_key_twice(text: bytes, max_values: int) -> bool:
    """Say so of JSON text, which is known to be right otherwise, of any size.

    A part of it is held at a time: the innermost objects, then those around them, until few values are left.

    Raises:
        TooMany: more than so many are left, or one object has more.

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
    """Give the text in pieces. None that ends with a closing bracket cuts apart what holds no other brackets."""
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
    """Make digits few that were not, in such a way that others become others: they may be part of a key."""
    return b"1%d" % int(sha256(digits[0]).hexdigest(), 16)
