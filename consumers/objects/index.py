"""The index of an object: the fields of each record that the lines do not hold.

It is a gzip stream that begins with `KFI2`, followed by blocks of records in columns, in the order of the object. A
partition key that occurs in the record's own payload is not stored again: its place there is. See docs/format.md.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec
from isal import isal_zlib

from consumers.objects import former, numbers
from consumers.objects.codecs import DAMAGE, GZIP_WBITS, Garbled, gunzip
from consumers.objects.columns import INT, LONG, Take, ints, ints_in, longs, longs_in, planes
from consumers.objects.numbers import Form
from consumers.records import Record

_MAGIC = b"KFI2"
_LEVEL = 1
_BLOCK_RECORDS = 4096
_BLOCK_BYTES = 4 << 20  # a block is closed once it is larger, by one run at most
_MOST_RECORDS, _MOST_KEY_BYTES = 1 << 16, 64 << 20  # limits of a block that is read: far more than any has
_COUNT = struct.Struct("<I")
_SMALL_BYTES = 256  # mean payload below which an index is a large part of an object, and worth more time
_ABSENT, _STORED = -2, -1  # the place of a key: absent, or in the index; otherwise its offset in the payload
_SHORTEST_SOUGHT = 8  # keys that are shorter on average cost less than their places
_SAMPLE = 8


class Block(NamedTuple):
    """A decoded block. A key is a text, None, or its slice of the payload."""

    lengths: list[int]
    sequences: list[str]
    subs: list[int]
    arrivals_ms: list[int]
    keys: Sequence[str | slice | None]


class IndexWriter:
    """Builds an index run by run. It holds bytes only, and compresses a block once it is full."""

    def __init__(self) -> None:
        """Start an empty index."""
        self._compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, GZIP_WBITS)
        self._parts = [self._compressor.compress(_MAGIC)]
        self._form: Form = numbers.NOTHING
        self._small = True
        self._begin()

    def add(self, records: Sequence[Record], payloads: Sequence[bytes], arrivals_ms: Sequence[int]) -> None:
        """Append a run. `payloads` and `arrivals_ms` are those of its records."""
        lengths = list(map(len, payloads))
        if not self._count:  # once for a block, since a change of form begins another
            self._small = sum(lengths) < _SMALL_BYTES * len(lengths)
        form, written = numbers.written([record.sequence_number for record in records], small=self._small)
        if form != self._form and self._count:
            self._close()
        self._form = form
        self._count += len(records)
        self._bytes += len(written)
        self._sequences.append(written)
        self._lengths.append(ints(lengths))
        subs = [record.sub_sequence_number for record in records]
        self._subs.append(longs(subs) if any(subs) else bytes(LONG * len(subs)))
        self._arrivals.append(longs(arrivals_ms))
        self._add_keys([record.partition_key for record in records], payloads)
        if self._count >= _BLOCK_RECORDS or self._bytes >= _BLOCK_BYTES:
            self._close()

    def finish(self) -> bytes:
        """Return the whole index."""
        if self._count:
            self._close()
        self._parts.append(self._compressor.flush())
        return b"".join(self._parts)

    def _add_keys(self, keys: list[str | None], payloads: Sequence[bytes]) -> None:
        encoded = _encoded(keys)
        lengths = list(map(len, encoded))
        places = _places(keys, encoded, payloads, sum(lengths))
        self._places.append(ints(places))
        self._key_lengths.append(ints(lengths))
        if min(places) < 0:
            stored = b"".join([key for key, place in zip(encoded, places, strict=True) if place < 0])
            self._keys.append(stored)
            self._bytes += len(stored)

    def _begin(self) -> None:
        self._count = self._bytes = 0
        self._lengths: list[bytes] = []
        self._sequences: list[bytes] = []
        self._subs: list[bytes] = []
        self._arrivals: list[bytes] = []
        self._places: list[bytes] = []
        self._key_lengths: list[bytes] = []
        self._keys: list[bytes] = []

    def _close(self) -> None:
        join = b"".join
        block = (
            _COUNT.pack(self._count),
            planes(join(self._lengths), INT),
            numbers.packed(self._form, join(self._sequences)),
            planes(join(self._subs), LONG),
            planes(join(self._arrivals), LONG),
            planes(join(self._places), INT),
            planes(join(self._key_lengths), INT),
            *self._keys,
        )
        self._parts.append(self._compressor.compress(join(block)))
        self._begin()


def _encoded(keys: list[str | None]) -> list[bytes]:
    try:
        return list(map(str.encode, keys))  # type: ignore[arg-type]
    except TypeError:  # a key is absent
        return [b"" if key is None else key.encode() for key in keys]


def _places(keys: list[str | None], encoded: list[bytes], payloads: Sequence[bytes], key_bytes: int) -> list[int]:
    """Return the place of each key. A few are tried first to see whether keys occur in their payloads."""
    sought = key_bytes >= _SHORTEST_SOUGHT * len(keys)
    if sought and max(map(bytes.find, payloads[:_SAMPLE], encoded)) >= 0:
        places = list(map(bytes.find, payloads, encoded))
    else:
        places = [_STORED] * len(keys)
    if None in keys:
        places = [_ABSENT if key is None else place for key, place in zip(keys, places, strict=True)]
    return places


def read_index(index: bytes) -> Iterator[Block]:
    """Yield the blocks of an index, of any version.

    Raises:
        Garbled: it is damaged.

    """
    try:
        stream = gunzip(io.BytesIO(index))
        if stream.read(len(_MAGIC)) == _MAGIC:
            yield from _blocks(stream.read)
        else:
            for run in former.read_index(index):
                yield Block(run.length, run.sequence_number, run.sub_sequence_number, run.arrival_ms, run.partition_key)
    except Garbled:
        raise
    except (*DAMAGE, msgspec.DecodeError) as fault:
        message = "the index is damaged"
        raise Garbled(message) from fault


def _blocks(read: Take) -> Iterator[Block]:
    def take(size: int) -> bytes:
        found = read(size)
        if len(found) != size:
            message = "the index ends within a block"
            raise Garbled(message)
        return found

    while head := read(_COUNT.size):
        (count,) = _COUNT.unpack(head) if len(head) == _COUNT.size else (0,)
        if not 0 < count <= _MOST_RECORDS:
            message = f"the index has a block of {count} records"
            raise Garbled(message)
        lengths, sequences = ints_in(take, count), numbers.unpacked(take, count)
        yield Block(lengths, sequences, longs_in(take, count), longs_in(take, count), _keys(take, count))


def _keys(take: Take, count: int) -> list[str | slice | None]:
    places, lengths = ints_in(take, count), ints_in(take, count)
    if min(places) < _ABSENT or min(lengths) < 0:
        message = "the index has keys at no place"
        raise Garbled(message)
    stored = iter(_texts(take, [size for place, size in zip(places, lengths, strict=True) if place == _STORED]))
    return [
        slice(place, place + size) if place >= 0 else next(stored) if place == _STORED else None
        for place, size in zip(places, lengths, strict=True)
    ]


def _texts(take: Take, lengths: list[int]) -> list[str]:
    if lengths and (min(lengths) < 0 or sum(lengths) > _MOST_KEY_BYTES):
        message = f"the index has keys of {sum(lengths)} bytes"
        raise Garbled(message)
    joined, ends = take(sum(lengths)), list(accumulate(lengths))
    return [joined[end - size : end].decode() for end, size in zip(ends, lengths, strict=True)]
