"""The index of an object: what the lines alone do not say, for each record.

A gzip stream of JSON lines. Each line describes a run of records in columns of equal length, in the order of the
object: `length` (of the payload, in bytes), `sequenceNumber`, `subSequenceNumber`, `arrivalMs`, `partitionKey`.
"""

import io
from collections.abc import Iterator, Sequence

import msgspec
from isal import isal_zlib

from consumers.objects.codecs import DAMAGE, GZIP_WBITS, Garbled, gunzip
from consumers.records import Record

_LEVEL = 1


class IndexRun(msgspec.Struct, gc=False, rename="camel"):
    """A run of records in columns."""

    length: list[int]
    sequence_number: list[str]
    sub_sequence_number: list[int]
    arrival_ms: list[int]
    partition_key: list[str]


class IndexWriter:
    """Builds an index run by run; what it holds is compressed."""

    def __init__(self) -> None:
        """Begin an empty index."""
        self._compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, GZIP_WBITS)
        self._encoder = msgspec.json.Encoder()
        self._parts: list[bytes] = []

    def add(self, records: Sequence[Record], lengths: list[int], arrivals_ms: list[int]) -> None:
        """Append a run."""
        run = IndexRun(
            lengths,
            [record.sequence_number for record in records],
            [record.sub_sequence_number for record in records],
            arrivals_ms,
            list(map(_key, records)),
        )
        part = self._compressor.compress(self._encoder.encode(run) + b"\n")
        if part:
            self._parts.append(part)

    def finish(self) -> bytes:
        """Return the whole index."""
        self._parts.append(self._compressor.flush())
        return b"".join(self._parts)


def _key(record: Record) -> str:
    if record.partition_key is None:
        message = f"{record.position} has no partition key, which this version of the index cannot say"
        raise ValueError(message)
    return record.partition_key


def read_index(index: bytes) -> Iterator[IndexRun]:
    """Yield the runs of an index.

    Raises:
        Garbled: it is damaged.

    """
    decoder = msgspec.json.Decoder(IndexRun)
    try:
        for line in gunzip(io.BytesIO(index)):
            yield decoder.decode(line)
    except (*DAMAGE, msgspec.DecodeError) as fault:
        message = "the index is damaged"
        raise Garbled(message) from fault
