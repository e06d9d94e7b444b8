"""Columns of integers as bytes: the bytes of equal place of all values lie together.

So bytes that hardly change are neighbours. All values have the same number of bytes. A column has a plane for each
byte: a byte 0 and the byte that all values share, or a byte 1 and the byte of each value.
"""

import struct
from collections.abc import Callable, Sequence

from consumers.objects.codecs import Garbled

INT, LONG = 4, 8
"""The size of a value in bytes. Values are little-endian and signed."""

_SAME, _EACH = b"\0", b"\1"

Take = Callable[[int], bytes]
"""Reads so many bytes: all of them, or raises `Garbled`."""


def planes(rows: bytes, width: int) -> bytes:
    """Encode values, which lie one after the other in `rows`, as a column."""
    count = len(rows) // width
    parts = []
    for at in range(width):
        plane = rows[at::width]
        parts.append(_SAME + plane[:1] if plane.count(plane[0]) == count else _EACH + plane)
    return b"".join(parts)


def rows_of(take: Take, count: int, width: int) -> bytes:
    """Decode a column of `count` values into bytes with one value after the other.

    Raises:
        Garbled: it is not a column.

    """
    rows = bytearray(width * count)
    for at in range(width):
        kind = take(1)
        if kind not in {_SAME, _EACH}:
            message = "the index has a plane that is none"
            raise Garbled(message)
        rows[at::width] = take(1) * count if kind == _SAME else take(count)
    return bytes(rows)


def ints(values: Sequence[int]) -> bytes:
    """Encode values of `INT` bytes, one after the other."""
    return struct.pack(f"<{len(values)}i", *values)


def longs(values: Sequence[int]) -> bytes:
    """Encode values of `LONG` bytes, one after the other."""
    return struct.pack(f"<{len(values)}q", *values)


def ints_in(take: Take, count: int) -> list[int]:
    """Decode a column of values of `INT` bytes."""
    return list(struct.unpack(f"<{count}i", rows_of(take, count, INT)))


def longs_in(take: Take, count: int) -> list[int]:
    """Decode a column of values of `LONG` bytes."""
    return list(struct.unpack(f"<{count}q", rows_of(take, count, LONG)))
