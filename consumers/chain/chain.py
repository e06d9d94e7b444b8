"""Appends to a shard's chain of objects, whoever else writes to it.

Each key is a function of the object's first record, and is written once only (`If-None-Match: *`). A writer that finds
its key taken adopts the standing object: what that covers is done, and the next object begins after its end.
The chain in the store is the truth; a checkpoint only says where reading begins again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import msgspec

from consumers.chain.batcher import ObjectBatch
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.origin import ChainRecord, Origin, claim, record_key
from consumers.chain.store import ObjectStore
from consumers.objects.codecs import Codec, Garbled
from consumers.objects.reader import index_key
from consumers.objects.writer import ObjectBytes, ObjectWriter
from consumers.pipeline import Room, Start
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Log, Parked, Unavailable

RETENTION_MARGIN_MS = HOUR_MS


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """What identifies a chain and its writer. `retention_hours` is the stream's: older records expire."""

    application: str
    shard: str
    layout: Layout
    codec: Codec
    writer: str
    retention_hours: float

    def key(self, first: Position, arrival_ms: int) -> str:
        """Name the object that begins with this record."""
        return self.layout.key(self.shard, first, arrival_ms)


class Chain:
    """The sink of one shard. A new one is made each time that a lease is taken."""

    def __init__(self, store: ObjectStore, place: ChainPlace, start: Start, log: Log) -> None:
        """Take over a shard; nothing is read or written yet."""
        self._store = store
        self._place = place
        self._initial = start.initial
        self._log = log
        self._after = start.checkpoint
        self._origin = start.initial
        self._taken = False
        self._layouts: tuple[Layout, ...] = ()
        self._standing: list[tuple[Position, str]] = []
        self._listed_hour = -1

    def begin(self, first: Record) -> Room:
        """Look at what stands where an object with this first record would be."""
        position = first.position
        if not self._taken:
            covered = self._take(first)
            self._taken = True
            if covered:
                return Room(covered=covered)
        if first.arrival_ms // HOUR_MS != self._listed_hour:
            self._standing = self._stands(self._layouts, first)
            self._listed_hour = first.arrival_ms // HOUR_MS
        while self._standing and self._standing[0][0] <= position:
            at, key = self._standing[0]
            link = self._link(key, at)
            del self._standing[0]
            if link.last >= position:
                return Room(covered=self._adopt(link, key))
        if self._after and self._near_retention(first):
            self._origin = "RETENTION"
        return Room(before=self._standing[0][0] if self._standing else None)

    def write(self, batch: ObjectBatch) -> Position:
        """Store the object, or adopt the one that stands at its key."""
        key = self._place.key(batch.first, batch.first_arrival_ms)
        if not self._put(key, batch.content, self._link_of(batch)):
            return self._adopt(self._link(key, batch.first), key)
        self._after, self._origin = batch.last, None
        self._log.info(
            "object_written",
            key=key,
            records=batch.count,
            bytes=len(batch.content.body),
            payload_bytes=batch.content.payload_bytes,
            cut=batch.why,
            position=str(batch.last),
        )
        return batch.last

    def close(self) -> None:
        """Nothing is held open."""

    def _put(self, key: str, content: ObjectBytes, link: Link) -> bool:
        if content.index is not None:  # first, so that no object ever stands without its index
            digest = hashlib.sha256(content.index).digest()
            self._store.put_new(index_key(key, content.sha256), content.index, {}, digest)
        return self._store.put_new(key, content.body, link.metadata(), content.sha256)

    def _link_of(self, batch: ObjectBatch) -> Link:
        return Link(
            self._place.shard,
            batch.first,
            batch.last,
            self._after,
            self._origin,
            batch.count,
            batch.content.payload_bytes,
            batch.first_arrival_ms,
            batch.min_arrival_ms,
            batch.max_arrival_ms,
            batch.content.sha256.hex(),
            self._place.writer,
        )

    def _adopt(self, link: Link, key: str) -> Position:
        self._after, self._origin = link.last, None
        self._log.info("object_adopted", key=key, records=link.count, position=str(link.last), writer=link.writer)
        return link.last

    def _link(self, key: str, first: Position) -> Link:
        metadata = self._store.metadata(key)
        if metadata is None:
            self._listed_hour = -1  # look again
            reason = f"{key} was there and is gone: somebody deletes objects of the live archive"
            raise Unavailable(reason, "stop deleting; the object is written again", operator=True)
        try:
            link = Link.parse(metadata)
        except Garbled as fault:
            reason = f"{key} stands in the chain's way: {fault}"
            raise Parked(reason, "restore the object with its metadata, or move it out of the prefix") from fault
        if (link.shard, link.first) != (self._place.shard, first):
            reason = f"{key} stands in the chain's way: its metadata speaks of {link.shard} {link.first}"
            raise Parked(reason, "restore the object with its metadata, or move it out of the prefix")
        return link

    def _near_retention(self, first: Record) -> bool:
        age_ms = self._store.now_ms() - first.arrival_ms
        return age_ms > self._place.retention_hours * HOUR_MS - RETENTION_MARGIN_MS

    def _take(self, first: Record) -> Position | None:
        """Settle, once for each lease, where the chain begins and how its keys are made."""
        place, position = self._place, first.position
        mine = Origin(
            first.sequence_number,
            first.sub_sequence_number,
            place.key(position, first.arrival_ms),
            first.arrival_ms,
            self._initial or "CHECKPOINT",
        )
        record_at = record_key(place.application, place.layout, place.shard)
        record = claim(self._store, record_at, ChainRecord(mine, place.layout))
        if record.layout != place.layout:
            record = self._take_up_layout(record, record_at, first)
        self._layouts = (record.layout, *record.former)
        return self._fence(record.origin, first) if self._initial and record.origin.position < position else None

    def _stands(self, layouts: Iterable[Layout], first: Record) -> list[tuple[Position, str]]:
        """List the objects that may cover the record, or stand in the way of an object that begins with it, in order.

        An object ends where the hour advances: no record of it arrived in a later hour than its first, nor do ours.
        So what matters is in the partition of the record's hour, or, where arrival times run back, in the next.
        """
        found = [
            (position, key)
            for scan in self._scans(layouts, first.arrival_ms)
            for key in self._store.list(scan)
            if (position := position_in(key)) is not None
        ]
        found.sort()
        behind = sum(1 for position, _ in found if position <= first.position)
        return found[max(behind - 1, 0) :]

    def _scans(self, layouts: Iterable[Layout], arrival_ms: int) -> Iterable[str]:
        scans = (layout.scans(self._place.shard, arrival_ms, arrival_ms + HOUR_MS) for layout in layouts)
        return dict.fromkeys(chain.from_iterable(scans))  # each once: the compression is no part of a scan

    def _take_up_layout(self, record: ChainRecord, record_at: str, first: Record) -> ChainRecord:
        for position, key in self._stands((record.layout, *record.former), first):
            if position > first.position or self._link(key, position).last >= first.position:
                old = record.layout
                reason = (
                    f"the archive's layout was changed (prefix {old.prefix!r}, partition {old.partition!r}, "
                    f"extension {old.extension!r}) while {key} stands beyond the checkpoint"
                )
                remedy = "start once with the former values, stop it cleanly so that it drains, then change them"
                raise Parked(reason, remedy)
        former = dict.fromkeys((record.layout, *record.former))
        former.pop(self._place.layout, None)
        changed = ChainRecord(record.origin, self._place.layout, tuple(former))
        self._store.replace(record_at, msgspec.json.encode(changed))
        self._log.info("layout_changed", prefix=self._place.layout.prefix, extension=self._place.layout.extension)
        return changed

    def _fence(self, origin: Origin, first: Record) -> Position | None:
        """Close the range from the origin to this record to whoever began in it and never wrote.

        A former fence may have closed a part of it: then its end is where another began, and the next fence stands.
        """
        key, at, arrival_ms = origin.key, origin.position, origin.arrival_ms
        while True:
            empty = ObjectWriter(self._place.codec, self._place.codec.default_level).finish()
            gap = Link(
                self._place.shard,
                at,
                first.position.just_before(),
                None,
                origin.initial,
                0,
                0,
                arrival_ms,
                arrival_ms,
                first.arrival_ms,  # with the range's end, the key at which the next range begins
                empty.sha256.hex(),
                self._place.writer,
            )
            if self._put(key, empty, gap):
                self._say_lost(origin.initial, at, first.position)
                return None
            link = self._link(key, at)
            if link.last >= first.position:
                return self._adopt(link, key)
            if link.count or link.last == gap.last:
                return None
            at, arrival_ms = Position(link.last.sequence, link.last.sub + 1), link.max_arrival_ms
            key = self._place.key(at, arrival_ms)

    def _say_lost(self, initial: str, first: Position, before: Position) -> None:
        self._log.error(
            "records_not_archived",
            first=str(first),
            before=str(before),
            reason=f"the start at {initial} was repeated and began further on",
            remedy="nothing brings them back once they have expired; see docs/guarantee.md",
        )
