"""What the chain needs of an object store."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from consumers.waiting import Unavailable

STATE_PREFIX = "_kinesis-fleet"
"""What the keys of the fleet's own state begin with, whatever the archive's prefix is."""


MOST_ROUNDS = 20


class Rounds:
    """Tries to change an object until it is accepted: each refusal means that somebody else has made a change."""

    def __init__(self, key: str) -> None:
        """Say which object."""
        self._key = key
        self._left = MOST_ROUNDS

    def another(self) -> None:
        """Begin a round.

        Raises:
            Unavailable: it was refused so often that nobody can have made so many.

        """
        if not self._left:
            reason = f"{self._key}: a change was refused {MOST_ROUNDS} times in a row, as if others had made one"
            remedy = "look at what stands before the bucket, such as a cache: it is tried again"
            raise Unavailable(reason, remedy, operator=True)
        self._left -= 1


class Found(NamedTuple):
    """An object's bytes, and the version that they are: S3's ETag."""

    body: bytes
    version: str


class Entry(NamedTuple):
    """What a listing says of an object: its size in bytes and its version."""

    key: str
    size: int
    version: str


class ObjectStore(Protocol):
    """A bucket. Each method blocks for a bounded time and raises `waiting.Unavailable` to be tried again."""

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists; False if it exists."""
        ...

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        """Store an object where that version stands, or none if it is None; its new version, or None if refused."""
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return an object's user metadata, or None if there is no such object."""
        ...

    def find(self, key: str) -> Found | None:
        """Return an object's bytes and version, or None if there is no such object."""
        ...

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects whose keys begin with a prefix, in the order of the keys' bytes."""
        ...

    def now_ms(self) -> int:
        """Return the time by the store's clock, not the host's: UTC milliseconds.

        It may lag, by the time of an answer and the second that it is given in, and is never ahead. 0 before the first
        answer.
        """
        ...
