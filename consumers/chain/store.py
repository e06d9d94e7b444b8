"""The interface of the object store that the chain uses."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from consumers.waiting import Unavailable

STATE_PREFIX = "_kinesis-fleet"
"""The key prefix of the fleet's own state, whatever the archive's prefix is."""


MOST_ROUNDS = 20


class Rounds:
    """A bound on the tries of a conditional change. Each refusal means that another writer changed the object."""

    def __init__(self, key: str) -> None:
        """Start with all rounds left. `key` is the object's."""
        self._key = key
        self._left = MOST_ROUNDS

    def another(self) -> None:
        """Count a round.

        Raises:
            Unavailable: the change was refused too often for other writers to be the cause.

        """
        if not self._left:
            reason = f"{self._key}: a change was refused {MOST_ROUNDS} times in a row, as if others had made one"
            remedy = "look at what stands before the bucket, such as a cache: it is tried again"
            raise Unavailable(reason, remedy, operator=True)
        self._left -= 1


class Found(NamedTuple):
    """An object's bytes and their version, which is S3's ETag."""

    body: bytes
    version: str


class Entry(NamedTuple):
    """An object in a listing: its key, its size in bytes and its version."""

    key: str
    size: int
    version: str


class ObjectStore(Protocol):
    """A bucket. Each method blocks for a bounded time and raises `waiting.Unavailable` to be tried again."""

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists; return False if it exists."""
        ...

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        """Replace the given version of an object; return the new version, or None if refused.

        A `version` of None means that no object may stand there.
        """
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
        """Return the time by the store's clock, not the host's, in UTC milliseconds.

        It may lag by the time of an answer and by its resolution of a second, and is never ahead. It is 0 before the
        first answer.
        """
        ...
