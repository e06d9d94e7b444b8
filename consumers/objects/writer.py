"""Builds one object from runs of records, and holds only compressed bytes."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from consumers.objects.codecs import Codec
from consumers.objects.index import IndexWriter
from consumers.objects.inside import put_inside
from consumers.objects.reader import index_key, read_records
from consumers.records import Record

Place = Literal["inside", "beside", "none"]
"""The place of an index. `inside` means beside if it does not fit inside; `none` omits it."""

_AT_ONCE = 1_000  # records; what is read several times then stays in the processor's cache

INDEX = "index"
"""The name of the note that gives the place of the index."""


@dataclass(frozen=True, slots=True)
class ObjectBytes:
    """A finished object.

    `index` is needed to read its records back. `place` tells whether readers find it in `body`, beside it, or nowhere.
    `sha256` is the digest of `body`, which S3 verifies too.
    """

    body: bytes
    index: bytes
    place: Place
    payload_bytes: int
    sha256: bytes
    codec: Codec

    @property
    def notes(self) -> Mapping[str, str]:
        """The note that gives the place of the index."""
        return {INDEX: self.place}

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Return the key and the bytes of the index, if it is stored beside the object."""
        return ((index_key(key, self.sha256), self.index),) if self.place == "beside" else ()

    def records(self) -> Iterator[Record]:
        """Yield the records again, read from the object itself."""
        return read_records(self.codec, self.body, self.index)


class ObjectWriter:
    """Writes one record a line, in the order given. Newlines within a record stay as they are."""

    def __init__(self, codec: Codec, level: int, place: Place = "inside") -> None:
        """Start an object. `place` is the place of its index."""
        self._codec = codec
        self._place = place
        self._compressor = codec.compressor(level)
        self._index = IndexWriter()
        self._parts: list[bytes] = []
        self._line_bytes = 0
        self.compressed_bytes = 0
        self.payload_bytes = 0

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Append a whole run, and return its length. `arrivals_ms` are its records' arrival times."""
        for at in range(0, len(records), _AT_ONCE):
            self._add(records[at : at + _AT_ONCE], arrivals_ms[at : at + _AT_ONCE])
        return len(records)

    def _add(self, records: Sequence[Record], arrivals_ms: list[int]) -> None:
        payloads = [record.data or b"" for record in records]
        lines = b"\n".join((*payloads, b""))  # with a last newline
        self._index.add(records, payloads, arrivals_ms)
        self._line_bytes += len(lines)
        self.payload_bytes += len(lines) - len(records)
        self._keep(self._compressor.compress(lines))

    def finish(self) -> ObjectBytes:
        """Return the object. The writer must not be used afterwards."""
        self._keep(self._compressor.flush())
        body, index = b"".join(self._parts), self._index.finish()
        self._parts.clear()
        body, place = self._codec.sized(body, self._line_bytes), self._place
        if place == "inside":
            whole = put_inside(body, index) if self._codec.has_inside else None
            body, place = (body, "beside") if whole is None else (whole, place)
        return ObjectBytes(body, index, place, self.payload_bytes, hashlib.sha256(body).digest(), self._codec)

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self.compressed_bytes += len(part)
