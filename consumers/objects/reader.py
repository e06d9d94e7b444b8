"""Turns objects back into the records that went in, byte for byte, with their positions."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from consumers.objects.codecs import CODECS, DAMAGE, Codec, Garbled
from consumers.objects.index import read_index
from consumers.records import Record


class Readable(Protocol):
    """Where objects lie."""

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        ...


def codec_of(key: str) -> Codec:
    """Tell the compression by the key's extension."""
    for codec in CODECS.values():
        if codec.extension and key.endswith(codec.extension):
            return codec
    return CODECS["none"]


def index_key(key: str, sha256: bytes) -> str:
    """Name the object that holds the index of an object that cannot hide it.

    The leading underscore keeps Hive, Spark and Athena from reading it as data. The digest of the data is part of
    the name: of two writers that race for the key, each has its own index, and only the winner's is ever looked up.
    """
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}_{name}.{sha256.hex()[:16]}.index.gz"


def fetch(store: Readable, key: str) -> Iterator[Record]:
    """Read an object of the archive.

    Raises:
        Garbled: the object is not whole.

    """
    codec, body = codec_of(key), store.get(key)
    index = store.get(index_key(key, hashlib.sha256(body).digest())) if codec.hide is None else None
    return read_records(codec, body, index)


def read_records(codec: Codec, body: bytes, index: bytes | None = None) -> Iterator[Record]:
    """Yield the records of an object, holding one run at a time.

    Raises:
        Garbled: the object is not whole.

    """
    lines: bytes | memoryview = body
    if index is None:
        lines, index = codec.split(body)
    try:
        with codec.open(io.BytesIO(lines)) as content:
            yield from _records(content, index)
    except Garbled:
        raise
    except DAMAGE as fault:
        message = f"the {codec.name} data is damaged ({type(fault).__name__})"
        raise Garbled(message) from fault


def _records(content: BinaryIO, index: bytes) -> Iterator[Record]:
    for run in read_index(index):
        columns = zip(
            run.length, run.partition_key, run.sequence_number, run.arrival_ms, run.sub_sequence_number, strict=True
        )
        for length, key, sequence_number, arrival_ms, sub_sequence_number in columns:
            line = content.read(length + 1)
            if len(line) != length + 1 or line[-1:] != b"\n":
                message = "the index and the lines disagree"
                raise Garbled(message)
            yield Record(line[:-1], key, sequence_number, arrival_ms, sub_sequence_number)
    if content.read(1):
        message = "there are lines that the index does not know"
        raise Garbled(message)
