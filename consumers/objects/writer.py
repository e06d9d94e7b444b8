"""Builds one object from runs of records, holding only compressed bytes."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumers.objects.codecs import Codec
from consumers.objects.index import IndexWriter
from consumers.objects.reader import index_key, read_records
from consumers.records import Record


@dataclass(frozen=True, slots=True)
class ObjectBytes:
    """A finished object.

    `index` is set only where the compression cannot hide it in `body`. `sha256` is the digest of `body`, the one that
    S3 verifies too.
    """

    body: bytes
    index: bytes | None
    payload_bytes: int
    sha256: bytes
    codec: Codec

    @property
    def notes(self) -> Mapping[str, str]:
        """Nothing: the index says it all."""
        return {}

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Give the index, where it has to stand beside the object."""
        return () if self.index is None else ((index_key(key, self.sha256), self.index),)

    def records(self) -> Iterator[Record]:
        """Give its records again, by reading itself back."""
        return read_records(self.codec, self.body, self.index)


class ObjectWriter:
    """One record a line, in the order given; a record's own newlines stay as they are."""

    def __init__(self, codec: Codec, level: int) -> None:
        """Begin an object."""
        self._codec = codec
        self._compressor = codec.compressor(level)
        self._index = IndexWriter()
        self._parts: list[bytes] = []
        self.compressed_bytes = 0
        self.payload_bytes = 0

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Append a run, all of it; `arrivals_ms` are its records' arrival times."""
        payloads = [record.data or b"" for record in records]
        lengths = list(map(len, payloads))
        self._index.add(records, lengths, arrivals_ms)
        self.payload_bytes += sum(lengths)
        payloads.append(b"")  # a last newline
        self._keep(self._compressor.compress(b"\n".join(payloads)))
        return len(records)

    def finish(self) -> ObjectBytes:
        """Return the object. The writer is of no more use."""
        self._keep(self._compressor.flush())
        index = self._index.finish()
        beside = index if self._codec.hide is None else None
        if self._codec.hide is not None:
            self._keep(self._codec.hide(index))
        body = b"".join(self._parts)
        self._parts.clear()
        return ObjectBytes(body, beside, self.payload_bytes, hashlib.sha256(body).digest(), self._codec)

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self.compressed_bytes += len(part)
