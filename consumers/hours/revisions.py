"""The manifests of hours, in revisions, and the markers that name them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.store import ObjectStore, Rounds
from consumers.hours import seals
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
    manifest_key,
    manifests,
    part_of,
    revision_in,
    seal_key,
    seals_folder,
    shard_of_seal,
)
from consumers.hours.place import HoursPlace
from consumers.hours.stored import RESTORE, decoded
from consumers.hours.times import hour_text
from consumers.waiting import Log, Unavailable


class Manifests:
    """The manifests of one stream. Each step may be repeated, and be done by several processes at once."""

    def __init__(self, store: ObjectStore, place: HoursPlace, layouts: Iterable[Layout], log: Log) -> None:
        """Start without a look at the store.

        `layouts` are all those in which hours were decided, the present one first.
        """
        self._store = store
        self._place = place
        self._layouts = tuple(layouts)
        self._log = log

    def declare(self, hour_ms: int, missing: Sequence[Hole]) -> None:
        """Declare an hour complete, or incomplete if there are holes, once and from its seals as they stand."""
        if self._standing(hour_ms) is None:
            made = self._make(hour_ms, 1, self._seals(hour_ms), missing)
            self._put_new(manifest_key(self._layout(hour_ms), hour_ms, 1), msgspec.json.encode(made))
        standing = self.reconcile(hour_ms)  # a process that saw no manifest yet may have written a seal meanwhile
        if standing is None:
            return
        note = self._note(hour_ms, standing)
        name = SUCCESS if standing.complete else INCOMPLETE
        key = f"{self._layout(hour_ms).folder(hour_ms)}{name}"
        new = self._put_new(key, msgspec.json.encode(note))
        if not new:
            found = self._store.find(key)
            remedy = "write no other job's output into the folders of the hours, and delete it: it is made anew"
            decoded(found.body if found else b"", Note, key, remedy)
        if not standing.complete:
            self._log.error(
                "hour_incomplete",
                hour=note.hour,
                manifest=note.manifest,
                reason="; ".join(sorted({f"{hole.shard}: {hole.reason}" for hole in standing.holes}))[:500],
                remedy="records of this hour may be missing and will not come: tell who reads it, and find out why "
                "reading began there, or with SET_ASIDE, what could not be read: kinesis-fleet dead-letters list FILE",
            )
        elif new:
            self._log.info("hour_complete", hour=note.hour, manifest=note.manifest, **msgspec.to_builtins(note.totals))

    def reconcile(self, hour_ms: int) -> Manifest | None:
        """Update the manifest of a decided hour to its seals; return None if the hour is not decided yet."""
        standing = self._standing(hour_ms)
        if standing is None:
            return None
        while self._differ(hour_ms, standing.seals, current := self._seals(hour_ms)):
            made = self._make(hour_ms, standing.revision + 1, current, standing.holes)
            self._put_new(manifest_key(self._layout(hour_ms), hour_ms, made.revision), msgspec.json.encode(made))
            standing = self._standing(hour_ms) or made
        if standing.revision > 1:
            self._note_late(hour_ms, standing)
        return standing

    def _differ(self, hour_ms: int, told: Mapping[str, int], current: Mapping[str, int]) -> bool:
        """Return whether seals hold what a manifest lacks.

        An empty seal that was written afterwards does not count.
        """
        folder = seals_folder(self._place.application, self._place.layout.stream, hour_ms)
        return any(
            told.get(shard) != number
            and (shard in told or bool(seals.load(self._store, seal_key(folder, shard, number)).objects))
            for shard, number in current.items()
        )

    def _note_late(self, hour_ms: int, standing: Manifest) -> None:
        layout = self._layout(hour_ms)
        key = f"{layout.folder(hour_ms)}{LATE}"
        note = self._note(hour_ms, standing)
        rounds = Rounds(key)
        while True:
            rounds.another()
            found = self._store.find(key)
            said = decoded(found.body, Note, key, "delete it: it is made anew") if found else None
            if said and said.revision >= note.revision:
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
            remedy="run what has read this hour again; if it recurs, raise graceSeconds",
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
        """Return the layout in which the hour was decided, or the present one."""
        if len(self._layouts) > 1:
            for layout in self._layouts:
                if any(True for _ in self._store.list(manifests(layout, hour_ms))):
                    return layout
        return self._place.layout

    def _load(self, key: str) -> Manifest:
        found = self._store.find(key)
        if found is None:
            reason = f"the manifest {key} was there and is gone"
            raise Unavailable(reason, "restore it: manifests are never deleted", operator=True)
        return decoded(found.body, Manifest, key, RESTORE)

    def _put_new(self, key: str, body: bytes) -> bool:
        return self._store.put_new(key, body, {}, hashlib.sha256(body).digest())
