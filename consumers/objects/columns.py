"""Columns of integers as bytes: like bytes of all values side by side, so that what hardly changes lies together.

A value has a fixed number of bytes. A column has a plane for each of them: a byte 0 and the byte that all values have
there, or a byte 1 and the byte of each.
"""

import struct
from collections.abc import Callable, Sequence

from consumers.objects.codecs import Garbled

INT, LONG = 4, 8
"""The bytes of a value, little-endian and signed."""

_SAME, _EACH = b"\0", b"\1"

Take = Callable[[int], bytes]
"""Takes so many bytes, all of them or `Garbled`."""


def planes(rows: bytes, width: int) -> bytes:
    """Write values, one after the other in `rows`, as a column."""
    count = len(rows) // width
    parts = []
    for at in range(width):
        plane = rows[at::width]
        parts.append(_SAME + plane[:1] if plane.count(plane[0]) == count else _EACH + plane)
    return b"".join(parts)


def rows_of(take: Take, count: int, width: int) -> bytes:
    """Read a column of so many values into values one after the other.

    Raises:
        Garbled: it is none.

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
    """Write values of `INT` bytes, one after the other."""
    return struct.pack(f"<{len(values)}i", *values)


def longs(values: Sequence[int]) -> bytes:
    """Write values of `LONG` bytes, one after the other."""
    return struct.pack(f"<{len(values)}q", *values)


def ints_in(take: Take, count: int) -> list[int]:
    """Read a column of those."""
    return list(struct.unpack(f"<{count}i", rows_of(take, count, INT)))


def longs_in(take: Take, count: int) -> list[int]:
    """Read a column of those."""
    return list(struct.unpack(f"<{count}q", rows_of(take, count, LONG)))
