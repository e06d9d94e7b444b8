"""What an object of a chain is made of. Whoever chooses its bytes knows nothing of the chain, nor the chain of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from consumers.records import Record


class Content(Protocol):
    """A finished object: its bytes, and what stands beside it."""

    @property
    def body(self) -> bytes:
        """The object's bytes."""
        ...

    @property
    def sha256(self) -> bytes:
        """The digest of `body`, the one that S3 verifies too."""
        ...

    @property
    def payload_bytes(self) -> int:
        """The bytes of its records' payloads."""
        ...

    @property
    def notes(self) -> Mapping[str, str]:
        """What its link says besides, for whoever reads the object: lower-case names, ASCII values, under 1 KB."""
        ...

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Give what must stand before the object does: keys, each a function of this content too, and bodies."""
        ...

    def records(self) -> Iterable[Record]:
        """Give its records again, in their order: rare, so little is kept for it."""
        ...


class Writer(Protocol):
    """Builds the content of one object."""

    @property
    def compressed_bytes(self) -> int:
        """The bytes so far, as they are stored."""
        ...

    @property
    def payload_bytes(self) -> int:
        """The bytes of the payloads so far."""
        ...

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Append a run, and say how many were: fewer where each takes its time, as `Batcher.add` has it.

        `arrivals_ms` are its records' arrival times.
        """
        ...

    def finish(self) -> Content:
        """Return the content. The writer is of no more use."""
        ...
