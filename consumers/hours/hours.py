"""Declares hours complete, in order. Any process may do it at any time: each step is written once, or repeats itself.

    all shards passed -> manifest from their seals -> `_SUCCESS`, or `_INCOMPLETE` with the reasons -> next hour

A seal that changes afterwards makes a new revision of the manifest, and `_LATE` says so.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours import seals
from consumers.hours.lineage import Blocker, StreamShard, blocker
from consumers.hours.manifest import (
    FORMAT,
    INCOMPLETE,
    LATE,
    SUCCESS,
    Hole,
    Manifest,
    Note,
    Totals,
    add,
    holes,
    manifest_key,
    manifests,
    part_of,
    revision_in,
    seal_key,
    seals_folder,
    shard_of_seal,
)
from consumers.hours.mark import Mark, load, mark_key, marks_folder
from consumers.hours.place import HoursPlace
from consumers.hours.reading import RETENTION, Gap
from consumers.hours.stored import decoded
from consumers.hours.times import hour_of, hour_text
from consumers.records import HOUR_MS
from consumers.waiting import Log, Unavailable

MOST_AT_ONCE = 4  # hours decided before the shard that found them goes on


class ShardList(Protocol):
    """Asks the stream for its shards."""

    def list(self) -> Sequence[StreamShard]:
        """List all shards, open and closed. Raises `Unavailable`."""
        ...


class Frontier(msgspec.Struct, frozen=True, rename="camel"):
    """The first hour that is not decided, by its first millisecond: all before it are, from the archive's first on."""

    first_ms: int
    next_ms: int


def frontier_key(application: str, stream: str) -> str:
    """Name the frontier of a stream's hours."""
    return f"{STATE_PREFIX}/{application}/hours/{stream}.json"


class Hours:
    """One stream's hours, as one process sees them."""

    def __init__(self, store: ObjectStore, shards: ShardList, place: HoursPlace, log: Log) -> None:
        """Begin with nothing known. `layouts` may be set to those that hours were decided in before, too."""
        self._store = store
        self._shards = shards
        self._place = place
        self._log = log
        self.layouts: tuple[Layout, ...] = (place.layout,)
        self._first_ms = 0
        self._next_ms: int | None = None
        self._blocker: str | None = None

    @property
    def next_ms(self) -> int | None:
        """The first hour that was not decided when this process last looked."""
        return self._next_ms

    def advance(self, watermark_ms: int) -> Blocker | None:
        """Decide what can be decided; what the next hour waits for, or None. `watermark_ms` is a shard's that moved.

        Raises:
            Unavailable: the store or the stream did not answer: look again later.

        """
        if self._next_ms is not None and watermark_ms < self._until(self._next_ms):
            return None
        self._next_ms, version = self._frontier()
        if self._next_ms is not None and (found := self._remembered(self._until(self._next_ms))):
            return found
        marks, found = self._marks(self._next_ms)
        if found is None:
            listed = self._shards.list()  # after the marks: the children of a shard marked as ended are in it
            found = self._decide(listed, marks, version)
        self._blocker = found.shard if found else None
        return found

    def reconcile(self, hour_ms: int) -> bool:
        """Bring a decided hour's manifest up to its seals; False if the hour is not decided yet."""
        return self._reconciled(hour_ms) is not None

    def _reconciled(self, hour_ms: int) -> Manifest | None:
        standing = self._standing(hour_ms)
        if standing is None:
            return None
        while standing.seals != (current := self._seals(hour_ms)):
            made = self._make(hour_ms, standing.revision + 1, current, standing.holes)
            self._put_new(manifest_key(self._layout(hour_ms), hour_ms, made.revision), msgspec.json.encode(made))
            standing = self._standing(hour_ms) or made
        if standing.revision > 1:
            self._note_late(hour_ms, standing)
        return standing

    def _decide(self, listed: Sequence[StreamShard], marks: Mapping[str, Mark], version: str | None) -> Blocker | None:
        names = {shard.shard for shard in listed}
        if self._next_ms is None:
            found = blocker(listed, marks, 0)
            if found or not marks:
                return found
            self._first_ms = min(mark.began_ms for mark in marks.values())
            version = self._move(self._first_ms, version)
        for _ in range(MOST_AT_ONCE):
            if version is None or self._next_ms is None:  # another worker decides the same
                break
            hour_ms = self._next_ms
            found = blocker(listed, marks, self._until(hour_ms))
            if found:
                return found
            self._complete(hour_ms, self._holes(hour_ms, marks, names))
            version = self._move(hour_ms + HOUR_MS, version)
        return None

    def _move(self, next_ms: int, version: str | None) -> str | None:
        self._next_ms = next_ms
        key = frontier_key(self._place.application, self._place.layout.stream)
        return self._store.swap(key, msgspec.json.encode(Frontier(self._first_ms, next_ms)), version)

    def _complete(self, hour_ms: int, missing: Sequence[Hole]) -> None:
        if self._standing(hour_ms) is None:
            made = self._make(hour_ms, 1, self._seals(hour_ms), missing)
            self._put_new(manifest_key(self._layout(hour_ms), hour_ms, 1), msgspec.json.encode(made))
        standing = self._reconciled(hour_ms)  # a seal may have been written meanwhile, by who saw no manifest yet
        if standing is None:
            return
        note = self._note(hour_ms, standing)
        name = SUCCESS if standing.complete else INCOMPLETE
        if not self._put_new(f"{self._layout(hour_ms).folder(hour_ms)}{name}", msgspec.json.encode(note)):
            return
        if standing.complete:
            self._log.info("hour_complete", hour=note.hour, manifest=note.manifest, **msgspec.to_builtins(note.totals))
        else:
            self._log.error(
                "hour_incomplete",
                hour=note.hour,
                manifest=note.manifest,
                reason="; ".join(sorted({f"{hole.shard}: {hole.reason}" for hole in standing.holes}))[:500],
                remedy="records of this hour may be missing and will not come: tell who reads it, and find out why "
                "reading began there",
            )

    def _note_late(self, hour_ms: int, standing: Manifest) -> None:
        layout = self._layout(hour_ms)
        key = f"{layout.folder(hour_ms)}{LATE}"
        note = self._note(hour_ms, standing)
        while True:
            found = self._store.find(key)
            if (
                found is not None
                and decoded(found.body, Note, key, "delete it: it is made anew").revision >= note.revision
            ):
                return
            if self._store.swap(key, msgspec.json.encode(note), found.version if found else None) is not None:
                break
        before = self._load(manifest_key(layout, hour_ms, 1)).totals
        self._log.warning(
            "late_data",
            hour=note.hour,
            manifest=note.manifest,
            revision=note.revision,
            late_objects=note.totals.objects - before.objects,
            late_records=note.totals.records - before.records,
            reason="records arrived for an hour that was complete",
            remedy="run what has read this hour again; if it recurs, raise archive.graceSeconds",
        )

    def _note(self, hour_ms: int, standing: Manifest) -> Note:
        at = manifest_key(self._layout(hour_ms), hour_ms, standing.revision)
        return Note(FORMAT, standing.hour, at, standing.revision, standing.totals, standing.holes)

    def _make(self, hour_ms: int, revision: int, current: Mapping[str, int], missing: Sequence[Hole]) -> Manifest:
        place = self._place
        folder = seals_folder(place.application, place.layout.stream, hour_ms)
        read = [seals.load(self._store, seal_key(folder, shard, number)) for shard, number in current.items()]
        parts = tuple(part_of(seal) for seal in sorted(read, key=lambda seal: seal.shard))
        return Manifest(
            FORMAT,
            place.stream,
            place.application,
            hour_text(hour_ms),
            revision,
            not missing,
            tuple(missing),
            add([Totals(), *(part.totals for part in parts)]),
            parts,
        )

    def _holes(self, hour_ms: int, marks: Mapping[str, Mark], listed: set[str]) -> list[Hole]:
        found = []
        for mark in marks.values():
            gaps = list(mark.gaps)
            if mark.shard not in listed and not mark.ended:  # it has left the stream, and was not read to its end
                gaps.append(Gap(mark.watermark_ms, self._store.now_ms() - self._place.retention_ms, RETENTION))
            found += holes(mark.shard, gaps, hour_ms, hour_ms + HOUR_MS)
        return found

    def _seals(self, hour_ms: int) -> dict[str, int]:
        folder = seals_folder(self._place.application, self._place.layout.stream, hour_ms)
        last: dict[str, int] = {}
        for key, _, _ in self._store.list(folder):
            shard = shard_of_seal(key)
            last[shard] = max(last.get(shard, 0), revision_in(key))
        return last

    def _standing(self, hour_ms: int) -> Manifest | None:
        keys = [entry.key for entry in self._store.list(manifests(self._layout(hour_ms), hour_ms))]
        return self._load(max(keys, key=revision_in)) if keys else None

    def _layout(self, hour_ms: int) -> Layout:
        """Give the layout that the hour was decided in, or else the present one."""
        if len(self.layouts) > 1:
            for layout in self.layouts:
                if any(True for _ in self._store.list(manifests(layout, hour_ms))):
                    return layout
        return self._place.layout

    def _load(self, key: str) -> Manifest:
        found = self._store.find(key)
        if found is None:
            reason = f"the manifest {key} was there and is gone"
            raise Unavailable(reason, "restore it: manifests are never deleted", operator=True)
        return decoded(found.body, Manifest, key, "restore its former version")

    def _frontier(self) -> tuple[int | None, str | None]:
        key = frontier_key(self._place.application, self._place.layout.stream)
        found = self._store.find(key)
        if found is None:
            return None, None
        frontier = decoded(found.body, Frontier, key, "delete it: it is made anew")
        self._first_ms = frontier.first_ms
        return frontier.next_ms, found.version

    def _remembered(self, until_ms: int) -> Blocker | None:
        """Look first at the shard that was behind the last time."""
        if self._blocker is None:
            return None
        mark, _ = load(self._store, mark_key(self._place.application, self._place.layout.stream, self._blocker))
        if mark is None or mark.passed(until_ms):
            return None
        return Blocker(self._blocker, "its watermark is behind")

    def _marks(self, next_ms: int | None) -> tuple[dict[str, Mark], Blocker | None]:
        """Read the marks of all shards, but no further than the first that is behind and still in the stream."""
        marks: dict[str, Mark] = {}
        oldest_ms = self._store.now_ms() - self._place.retention_ms
        for entry in self._store.list(marks_folder(self._place.application, self._place.layout.stream)):
            mark, _ = load(self._store, entry.key)
            if mark is None:
                continue
            if next_ms is not None and not mark.passed(self._until(next_ms)) and mark.watermark_ms > oldest_ms:
                return marks, Blocker(mark.shard, "its watermark is behind")
            marks[mark.shard] = mark
        return marks, None

    def _until(self, hour_ms: int) -> int:
        return hour_of(hour_ms) + HOUR_MS + self._place.grace_ms

    def _put_new(self, key: str, body: bytes) -> bool:
        return self._store.put_new(key, body, {}, hashlib.sha256(body).digest())
