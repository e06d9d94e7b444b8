"""Reads objects back into the records that were stored, byte for byte, with their positions."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from consumers.objects import inside
from consumers.objects.codecs import CODECS, DAMAGE, Codec, Garbled
from consumers.objects.index import read_index
from consumers.records import Record

_MOST_PAYLOAD_BYTES = 64 << 20  # far more than a record can have, so that an impossible length is refused


class Readable(Protocol):
    """A store of objects."""

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        ...


def codec_of(key: str) -> Codec:
    """Return the codec of a key's extension."""
    for codec in CODECS.values():
        if codec.extension and key.endswith(codec.extension):
            return codec
    return CODECS["none"]


def index_key(key: str, sha256: bytes) -> str:
    """Return the key of the index of an object that does not hold the index itself.

    The leading underscore keeps Hive, Spark and Athena from reading it as data. Its extension is never that of the
    data, which tools select by `*.gz`. The digest of the data is part of the name: of two writers that race for a key,
    each has an index of its own, and only the winner's is ever looked up.
    """
    folder, slash, name = key.rpartition("/")
    end = "index" if codec_of(key).has_inside else "index.gz"
    return f"{folder}{slash}_{name}.{sha256.hex()[:16]}.{end}"


def fetch(store: Readable, key: str) -> Iterator[Record]:
    """Read the records of an object of the archive.

    Raises:
        Garbled: the object is not whole.
        KeyError: the object, or its index, does not exist.

    """
    codec, body = codec_of(key), store.get(key)
    index = inside.split(body)[1] if codec.has_inside else None
    if index is None:
        index = _beside(store, index_key(key, hashlib.sha256(body).digest()))
    return read_records(codec, body, index)


def _beside(store: Readable, key: str) -> bytes:
    try:
        return store.get(key)
    except KeyError as gone:
        name = key.rpartition("/")[2]
        message = (
            f"it needs its index beside it, {name}: copy that too. With archive.index = none there never was one, and "
            "zcat or the like gives the lines"
        )
        raise KeyError(message) from gone


def read_records(codec: Codec, body: bytes, index: bytes | None = None) -> Iterator[Record]:
    """Yield the records of an object, with one block of its index in memory.

    `index` is the one beside the object.

    Raises:
        Garbled: the object is not whole.

    """
    lines: bytes | memoryview = body
    if codec.has_inside:
        lines, own = inside.split(body)
        index = own if index is None else index
    if index is None:
        message = f"a {codec.name} object of {len(body)} bytes, and no index"
        raise Garbled(message)
    try:
        with codec.open(io.BytesIO(lines)) as content:
            yield from _records(content, index)
    except Garbled:
        raise
    except DAMAGE as fault:
        message = f"the {codec.name} data is damaged ({type(fault).__name__})"
        raise Garbled(message) from fault


def _records(content: BinaryIO, index: bytes) -> Iterator[Record]:
    for block in read_index(index):
        for length, key, sequence_number, arrival_ms, sub in zip(
            block.lengths, block.keys, block.sequences, block.arrivals_ms, block.subs, strict=True
        ):
            line = content.read(length + 1) if 0 <= length <= _MOST_PAYLOAD_BYTES else b""
            if len(line) != length + 1 or line[-1:] != b"\n":
                message = "the index and the lines disagree"
                raise Garbled(message)
            if isinstance(key, slice):
                key = _within(line, key)  # noqa: PLW2901 - so that the common case stays short
            yield Record(line[:-1], key, sequence_number, arrival_ms, sub)
    if content.read(1):
        message = "there are lines that the index does not know"
        raise Garbled(message)


def _within(line: bytes, place: slice) -> str:
    if place.stop >= len(line):
        message = "the index has a key beyond its record's end"
        raise Garbled(message)
    return line[place].decode()
