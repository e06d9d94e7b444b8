"""What the chain needs of an object store."""

from collections.abc import Iterator, Mapping
from typing import Protocol

STATE_PREFIX = "_kinesis-fleet"
"""What the keys of the fleet's own state begin with, whatever the archive's prefix is."""


class ObjectStore(Protocol):
    """A bucket. Each method blocks for a bounded time and raises `waiting.Unavailable` to be tried again."""

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists; False if it exists."""
        ...

    def replace(self, key: str, body: bytes) -> None:
        """Store an object, whatever stands there."""

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return an object's user metadata, or None if there is no such object."""
        ...

    def find(self, key: str) -> bytes | None:
        """Return an object's bytes, or None if there is no such object."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with a prefix, in the order of their bytes."""
        ...

    def now_ms(self) -> int:
        """Return the time by the store's clock, not the host's: UTC milliseconds."""
        ...
