"""Declares hours complete, in order. Any process may do so at any time: each step is written once, or is repeatable.

    all shards passed -> manifest from their seals -> `_SUCCESS`, or `_INCOMPLETE` with the reasons -> next hour

If a seal changes afterwards, the manifest gets a new revision, which `_LATE` names.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.lineage import BEHIND, Blocker, StreamShard, blocker, skipped
from consumers.hours.manifest import (
    Hole,
    holes,
)
from consumers.hours.mark import Mark, load, mark_key, marks_folder
from consumers.hours.place import HoursPlace
from consumers.hours.reading import CHECKPOINT, RETENTION, Gap
from consumers.hours.revisions import Manifests
from consumers.hours.stored import decoded
from consumers.records import HOUR_MS

MOST_AT_ONCE = 4  # the most hours that a process decides before its shard goes on
LOOK_AGAIN_MS = 300_000  # between two reads of all marks while a shard has not begun; each process does so


_FRONTIER_REMEDY = "restore its former version, or write the first hour ever and the first undecided one into it"


class ShardList(Protocol):
    """The list of the stream's shards."""

    def list(self) -> Sequence[StreamShard]:
        """List all shards, open and closed. Raises `Unavailable`."""
        ...


class Frontier(msgspec.Struct, frozen=True, rename="camel"):
    """The first hour that is not decided, and the first hour of the archive, each by its first millisecond.

    All hours between the two are decided.
    """

    first_ms: int
    next_ms: int


def frontier_key(application: str, stream: str) -> str:
    """Return the key of a stream's frontier."""
    return f"{STATE_PREFIX}/{application}/hours/{stream}.json"


def read_frontier(store: ObjectStore, place: HoursPlace) -> tuple[Frontier | None, str | None]:
    """Read the frontier and its version; None and None before all shards have begun.

    Raises:
        Parked: it is damaged.

    """
    key = frontier_key(place.application, place.layout.stream)
    found = store.find(key)
    return (decoded(found.body, Frontier, key, _FRONTIER_REMEDY), found.version) if found else (None, None)


class Hours:
    """The hours of one stream, as one process knows them."""

    def __init__(self, store: ObjectStore, shards: ShardList, place: HoursPlace, manifests: Manifests) -> None:
        """Start with nothing known."""
        self._store = store
        self._shards = shards
        self._place = place
        self._manifests = manifests
        self._first_ms = 0
        self._next_ms: int | None = None
        self._blocker: Blocker | None = None
        self._looked_ms = 0

    @property
    def next_ms(self) -> int | None:
        """The first hour that was not decided when this process last looked."""
        return self._next_ms

    def advance(self, watermark_ms: int) -> Blocker | None:
        """Decide the hours that can be decided; return the shard that the next hour waits for, or None.

        `watermark_ms` is that of the shard whose watermark has advanced. At most `MOST_AT_ONCE` hours are decided.

        Raises:
            Unavailable: the store or the stream did not answer. Call again later.

        """
        if self._next_ms is not None and watermark_ms < self._next_ms + HOUR_MS + self._place.grace_ms:
            return None
        frontier, version = read_frontier(self._store, self._place)
        self._first_ms, self._next_ms = (frontier.first_ms, frontier.next_ms) if frontier else (0, None)
        if self._blocker is not None and self._still(self._blocker):
            return self._blocker
        marks, found = self._marks()
        if found is None:
            listed = self._shards.list()  # after the marks: it then holds the children of shards marked as ended
            found = self._decide(listed, marks, version)
        self._blocker, self._looked_ms = found, self._store.now_ms()
        return found

    def _decide(self, listed: Sequence[StreamShard], marks: Mapping[str, Mark], version: str | None) -> Blocker | None:
        if self._next_ms is None:
            found = blocker(listed, marks, 0, 0)
            if found or not marks:
                return found
            self._first_ms = min(mark.began_ms for mark in marks.values())
            version = self._move(self._first_ms, version)
        for _ in range(MOST_AT_ONCE):
            if version is None or self._next_ms is None:  # another worker decides the same
                break
            hour_ms = self._next_ms
            found = blocker(listed, marks, hour_ms + HOUR_MS, self._place.grace_ms)
            if found:
                return found
            self._manifests.declare(hour_ms, self._holes(hour_ms, marks, listed))
            version = self._move(hour_ms + HOUR_MS, version)
        return None

    def _move(self, next_ms: int, version: str | None) -> str | None:
        self._next_ms = next_ms
        key = frontier_key(self._place.application, self._place.layout.stream)
        return self._store.swap(key, msgspec.json.encode(Frontier(self._first_ms, next_ms)), version)

    def _holes(self, hour_ms: int, marks: Mapping[str, Mark], listed: Sequence[StreamShard]) -> list[Hole]:
        names = {shard.shard for shard in listed}
        gaps = {mark.shard: list(mark.gaps) for mark in marks.values()}
        for mark in marks.values():
            if mark.shard not in names and not mark.ended:  # it has left the stream before it was read to its end
                left_ms = self._store.now_ms() - self._place.retention_ms
                gaps[mark.shard].append(Gap(mark.watermark_ms, left_ms, RETENTION))
        end_ms, grace_ms = hour_ms + HOUR_MS, self._place.grace_ms
        for shard, from_ms, to_ms in skipped(listed, marks):
            gaps[shard] = [Gap(from_ms, max(to_ms - grace_ms, from_ms + 1), CHECKPOINT)]  # `to_ms` is an hour's end
        return [hole for shard, found in gaps.items() for hole in holes(shard, found, hour_ms, end_ms, grace_ms)]

    def _still(self, blocker: Blocker) -> bool:
        """Return whether the former blocker still blocks.

        Its mark is read first, and all marks no more often than needed.
        """
        mark, _ = load(self._store, mark_key(self._place.application, self._place.layout.stream, blocker.shard))
        if blocker.why == BEHIND:
            return mark is not None and self._behind(mark)
        changed = mark is not None and not mark.ended
        return not changed and self._store.now_ms() < self._looked_ms + LOOK_AGAIN_MS

    def _behind(self, mark: Mark) -> bool:
        """Return whether the next hour waits for this shard, as far as its mark tells.

        A shard whose watermark is older than the retention is judged later.
        """
        if self._next_ms is None or mark.passed(self._next_ms + HOUR_MS, self._place.grace_ms):
            return False
        return mark.watermark_ms > self._store.now_ms() - self._place.retention_ms

    def _marks(self) -> tuple[dict[str, Mark], Blocker | None]:
        """Read the marks of all shards, up to the first that is behind."""
        marks: dict[str, Mark] = {}
        for entry in self._store.list(marks_folder(self._place.application, self._place.layout.stream)):
            mark, _ = load(self._store, entry.key)
            if mark is None:
                continue
            if self._behind(mark):
                return marks, Blocker(mark.shard, BEHIND)
            marks[mark.shard] = mark
        return marks, None
