"""The column of sequence numbers: as integers, as pairs of digits, or as texts.

Integers take the least space: what Kinesis counts up changes a few of their bytes, and most of their decimal digits.
Pairs of digits are written three times as fast.
"""

import struct
from binascii import a2b_hex, b2a_hex
from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

import msgspec

from consumers.objects.codecs import Garbled
from consumers.objects.columns import Take, planes, rows_of

_TEXTS, _INTEGERS, _DIGITS = 0, 1, 2
_INTEGER_BYTES = 24  # enough for 57 digits; Kinesis uses 56
_MOST_BYTES = 64
_MOST_TEXT_BYTES = 64 << 20
_HEAD = struct.Struct("<BB")
_SIZE = struct.Struct("<I")


class Form(NamedTuple):
    """The encoding of numbers: the kind, and the bytes of each number."""

    kind: int
    width: int


NOTHING = Form(_TEXTS, 0)
_AS_INTEGERS = Form(_INTEGERS, _INTEGER_BYTES)


def written(texts: list[str], *, small: bool) -> tuple[Form, bytes]:
    """Encode a run's numbers one after the other: in little space if `small`, otherwise fast."""
    digits = len(texts[0])
    if not small and digits % 2 == 0 and 0 < digits <= 2 * _MOST_BYTES and set(map(len, texts)) == {digits}:
        rows = _digits("".join(texts))
        if rows is not None:
            return Form(_DIGITS, digits // 2), rows
    rows = _integers(texts)
    return (_AS_INTEGERS, rows) if rows is not None else (NOTHING, msgspec.json.encode(texts) + b"\n")


def packed(form: Form, rows: bytes) -> bytes:
    """Encode the column of numbers that were all written in one form."""
    return _HEAD.pack(*form) + (planes(rows, form.width) if form.width else _SIZE.pack(len(rows)) + rows)


def unpacked(take: Take, count: int) -> list[str]:
    """Decode a column of `count` numbers.

    Raises:
        Garbled: it is not a column of numbers.

    """
    kind, width = _HEAD.unpack(take(_HEAD.size))
    if kind not in {_TEXTS, _INTEGERS, _DIGITS} or width > _MOST_BYTES or bool(width) != (kind != _TEXTS):
        message = f"the index has sequence numbers of kind {kind}, {width} bytes each"
        raise Garbled(message)
    if kind == _TEXTS:
        return _listed(take, count)
    rows = rows_of(take, count, width)
    each = (rows[at : at + width] for at in range(0, len(rows), width))
    if kind == _DIGITS:
        return [digits.hex() for digits in each]
    return [str(int.from_bytes(number, "little")) for number in each]


def _digits(joined: str) -> bytes | None:
    try:
        rows = a2b_hex(joined)
    except ValueError:
        return None
    return rows if b2a_hex(rows) == joined.encode() else None  # it differs for capital letters, which no number has


def _integers(texts: list[str]) -> bytes | None:
    """Encode the numbers as integers; return None if one does not fit, or would be decoded as another text."""
    try:
        integers = list(map(int, texts))
        rows = b"".join(map(int.to_bytes, integers, repeat(_INTEGER_BYTES), repeat("little")))  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    # A text with as many characters as its integer has digits holds nothing but these digits. Otherwise it is tried.
    joined, least = "".join(texts), 10 ** (len(texts[0]) - 1)
    plain = joined.isascii() and len(joined) == len(texts[0]) * len(texts) and least <= min(integers)
    return rows if (plain and max(integers) < 10 * least) or _spelt(integers) == texts else None


def _spelt(integers: Iterable[int]) -> list[str]:
    return list(map(str, integers))


def _listed(take: Take, count: int) -> list[str]:
    (size,) = _SIZE.unpack(take(_SIZE.size))
    if size > _MOST_TEXT_BYTES:
        message = f"the index has sequence numbers of {size} bytes as texts"
        raise Garbled(message)
    lists = msgspec.json.Decoder(list[str]).decode_lines(take(size))
    texts = [text for some in lists for text in some]
    if len(texts) != count:
        message = f"the index has {len(texts)} sequence numbers for {count} records"
        raise Garbled(message)
    return texts
