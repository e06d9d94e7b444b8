"""The content of an object in a chain. The chain does not know its format, and the format does not know the chain."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from consumers.records import Record


class Content(Protocol):
    """A finished object: its bytes, and what is stored beside it."""

    @property
    def body(self) -> bytes:
        """The object's bytes."""
        ...

    @property
    def sha256(self) -> bytes:
        """The SHA-256 digest of `body`, which S3 verifies too."""
        ...

    @property
    def payload_bytes(self) -> int:
        """The total size of its records' payloads in bytes."""
        ...

    @property
    def notes(self) -> Mapping[str, str]:
        """Further metadata for readers of the object: lower-case names, ASCII values, under 1 KB."""
        ...

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Return the keys and bodies that must be stored before the object.

        Each key is a function of this content too.
        """
        ...

    def records(self) -> Iterable[Record]:
        """Return the records again, in their order. It is rarely called, so little is kept for it."""
        ...


class Writer(Protocol):
    """Builds the content of one object."""

    @property
    def compressed_bytes(self) -> int:
        """The bytes so far, as stored."""
        ...

    @property
    def payload_bytes(self) -> int:
        """The bytes of the payloads so far."""
        ...

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Append a run, and return how many records were appended.

        Fewer are appended where records take long, as for `Batcher.add`. `arrivals_ms` are the records' arrival times
        in UTC milliseconds.
        """
        ...

    def finish(self) -> Content:
        """Return the content. The writer must not be used afterwards."""
        ...
