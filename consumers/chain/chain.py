"""A shard's chain of objects, to which several writers may append.

The key of an object is a function of its first record, and is written only once (`If-None-Match: *`). A writer that
finds its key taken adopts the standing object: the records that it covers are done, and the next object begins after
its end. The chain in the store is the truth; a checkpoint only says where reading begins again.
"""

import hashlib
from collections.abc import Iterable
from itertools import chain

import msgspec

from consumers.chain.batcher import ObjectBatch
from consumers.chain.content import Content
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import UNREADABLE, Link, insist_on_one_stream
from consumers.chain.origin import ChainRecord, Origin, claim, recall, record_key
from consumers.chain.place import ChainPlace, GrowthWatch, NoGrowthWatch
from consumers.chain.store import ObjectStore
from consumers.objects.codecs import Garbled
from consumers.objects.reader import codec_of
from consumers.objects.writer import ObjectWriter
from consumers.parts import Room, Start
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Log, Parked, Unavailable

_NO_WATCH = NoGrowthWatch()


class Chain:
    """The sink of one shard. A new one is made each time a lease is taken."""

    def __init__(
        self, store: ObjectStore, place: ChainPlace, start: Start, log: Log, watch: GrowthWatch = _NO_WATCH
    ) -> None:
        """Take over a shard. Nothing is read or written yet."""
        self._store = store
        self._place = place
        self._initial = start.initial
        self._log = log
        self._watch = watch
        self._after = start.checkpoint
        self._origin = start.initial
        self._layouts: tuple[Layout, ...] = ()
        self._claimed: Origin | None = None
        self._standing: list[tuple[Position, str]] = []
        self._listed_hour = -1

    def begin(self, first: Record) -> Room:
        """Look up what stands where an object with this first record would be."""
        lapse = self._watch.lapse(first.position)
        if lapse and self._after:
            self._origin = lapse
        if not self._layouts:
            self._layouts = self._recall(first)
        covered = self._covering(first)
        if covered is None and self._claimed is None:
            origin = self._claim(first)
            if self._after is None and origin.position < first.position:
                covered = self._fence(origin, first)
                self._listed_hour = -1  # the writer that began first may have gone on meanwhile
                covered = covered or self._covering(first)
            self._claimed = origin  # set last: each call before may fail, and is then repeated
        if covered:
            return Room(covered=covered)
        ahead = [self._standing[0][0]] if self._standing else []
        if self._claimed and self._claimed.position > first.position:  # its writer may be about to write there
            ahead.append(self._claimed.position)
        return Room(before=min(ahead, default=None))

    def write(self, batch: ObjectBatch) -> Position:
        """Store the object, or adopt the one that stands at its key."""
        key = self._place.key(batch.first, batch.first_arrival_ms)
        link = self._link_of(batch)
        if not self._put(key, batch.content, link):
            standing = self._link(key, batch.first)
            insist_on_one_stream(standing, key, batch.first, batch.first_arrival_ms)
            return self._adopt(standing, key)
        self._watch.stands(key, link)
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

    def _put(self, key: str, content: Content, link: Link) -> bool:
        for name, body in content.beside(key):  # first, so that no object stands without what belongs beside it
            self._store.put_new(name, body, {}, hashlib.sha256(body).digest())
        return self._store.put_new(key, content.body, link.metadata(), content.sha256)

    def _link_of(self, batch: ObjectBatch) -> Link:
        return Link(
            stream=self._place.stream,
            shard=self._place.shard,
            first=batch.first,
            last=batch.last,
            after=self._after,
            origin=self._origin,
            count=batch.count,
            size=len(batch.content.body),
            payload_bytes=batch.content.payload_bytes,
            first_arrival_ms=batch.first_arrival_ms,
            min_arrival_ms=batch.min_arrival_ms,
            max_arrival_ms=batch.max_arrival_ms,
            sha256=batch.content.sha256.hex(),
            writer=self._place.writer,
            notes=batch.content.notes,
        )

    def _adopt(self, link: Link, key: str) -> Position:
        self._watch.stands(key, link)
        self._after, self._origin = link.last, None
        if not link.count:
            self._say_lost(link)
        self._log.info("object_adopted", key=key, records=link.count, position=str(link.last), writer=link.writer)
        return link.last

    def _adopt_over(self, link: Link, key: str, first: Record) -> Position:
        insist_on_one_stream(link, key, first.position, first.arrival_ms)
        return self._adopt(link, key)

    def _link(self, key: str, first: Position) -> Link:
        metadata = self._store.metadata(key)
        if metadata is None:
            self._listed_hour = -1  # list again
            reason = f"{key} was there and is gone: somebody deletes objects that are in use"
            raise Unavailable(reason, "stop deleting; the object is written again", operator=True)
        try:
            link = Link.parse(metadata)
        except Garbled as fault:
            reason = f"{key} stands in the chain's way: {fault}"
            raise Parked(reason, UNREADABLE) from fault
        if (link.stream, link.shard, link.first) != (self._place.stream, self._place.shard, first):
            reason = f"{key} stands in the chain's way: its metadata speaks of {link.stream} {link.shard} {link.first}"
            remedy = "give each stream a prefix of its own, or restore the object with its metadata"
            raise Parked(reason, remedy)
        return link

    def _recall(self, first: Record) -> tuple[Layout, ...]:
        """Read, once for each lease, the layouts in which the chain's keys are made and were made before."""
        place = self._place
        at = record_key(place.application, place.layout, place.shard)
        record, version = recall(self._store, at)
        if record is None:
            return (place.layout,)
        if record.layout != place.layout:
            record = self._take_up_layout(record, at, version, first)
        return (record.layout, *record.former)

    def _covering(self, first: Record) -> Position | None:
        """Adopt the object that holds this record, if one stands, and return its end."""
        if first.arrival_ms // HOUR_MS != self._listed_hour:
            self._standing = self._stands(self._layouts, first)
            self._listed_hour = first.arrival_ms // HOUR_MS
        while self._standing and self._standing[0][0] <= first.position:
            at, key = self._standing[0]
            link = self._link(key, at)
            covered = self._adopt_over(link, key, first) if link.last >= first.position else None
            del self._standing[0]  # deleted last: what may fail before is tried again from here
            if covered:
                return covered
        return None

    def _claim(self, first: Record) -> Origin:
        """Claim or read the chain's origin, once for each lease, and only for a record that no object covers."""
        place = self._place
        mine = Origin(
            first.sequence_number,
            first.sub_sequence_number,
            place.key(first.position, first.arrival_ms),
            first.arrival_ms,
            self._initial or "CHECKPOINT",
        )
        at = record_key(place.application, place.layout, place.shard)
        return claim(self._store, at, ChainRecord(mine, place.layout)).origin

    def _stands(self, layouts: Iterable[Layout], first: Record) -> list[tuple[Position, str]]:
        """List, in order, the objects that cover the record or stand in the way of an object that begins with it.

        An object ends where the hour advances, so none of its records arrived in a later hour than its first. So what
        matters lies in the partition of the record's hour, or, where arrival times run back, in one beside it.
        """
        found = self._list(layouts, first.arrival_ms - HOUR_MS, first.arrival_ms + HOUR_MS)
        behind = sum(1 for position, _ in found if position <= first.position)
        return found[max(behind - 1, 0) :]

    def _list(self, layouts: Iterable[Layout], from_ms: int, to_ms: int) -> list[tuple[Position, str]]:
        return sorted(
            (position, key)
            for scan in self._scans(layouts, from_ms, to_ms)
            for key, _, _ in self._store.list(scan)
            if (position := position_in(key)) is not None
        )

    def _scans(self, layouts: Iterable[Layout], from_ms: int, to_ms: int) -> Iterable[str]:
        scans = (layout.scans(self._place.shard, from_ms, to_ms) for layout in layouts)
        return dict.fromkeys(chain.from_iterable(scans))  # without duplicates: the compression is no part of a scan

    def _take_up_layout(self, record: ChainRecord, record_at: str, version: str | None, first: Record) -> ChainRecord:
        for position, key in self._stands((record.layout, *record.former), first):
            if position > first.position or self._link(key, position).last >= first.position:
                old = record.layout
                reason = (
                    f"the objects' layout was changed (prefix {old.prefix!r}, partition {old.partition!r}, "
                    f"extension {old.extension!r}) while {key} stands beyond the checkpoint"
                )
                remedy = "start once with the former values, stop it cleanly so that it drains, then change them"
                raise Parked(reason, remedy)
        former = dict.fromkeys((record.layout, *record.former))
        former.pop(self._place.layout, None)
        changed = ChainRecord(record.origin, self._place.layout, tuple(former))
        if self._store.swap(record_at, msgspec.json.encode(changed), version) is None:
            reason = f"the chain's record {record_at} was changed by another worker meanwhile"
            raise Unavailable(reason, "none: it is read again")
        self._log.info("layout_changed", prefix=self._place.layout.prefix, extension=self._place.layout.extension)
        return changed

    def _fence(self, origin: Origin, first: Record) -> Position | None:
        """Close the range from the origin to this record to any writer that began in it and never wrote.

        A former fence may have closed a part of it. Then another start began at that fence's end, and the next fence
        stands there. Where objects with records stand in the range, the writer that began in it has written, and the
        last of them is noted. If the origin is older than twice the retention, no writer is left to close it to.
        """
        if first.arrival_ms - origin.arrival_ms > 2 * self._place.retention_hours * HOUR_MS:
            return None
        behind = [
            found
            for found in self._list(self._layouts, origin.arrival_ms - HOUR_MS, first.arrival_ms + HOUR_MS)
            if found[0] < first.position
        ]
        if behind:
            link = self._link(behind[-1][1], behind[-1][0])
            if link.last >= first.position:
                return self._adopt_over(link, behind[-1][1], first)
            if link.count:
                self._watch.stands(behind[-1][1], link)  # its writer may have died before its own watch noted it
                return None
        key, at, arrival_ms = origin.key, origin.position, origin.arrival_ms
        while True:
            codec = codec_of(key)
            empty = ObjectWriter(codec, codec.default_level).finish()
            gap = Link(
                stream=self._place.stream,
                shard=self._place.shard,
                first=at,
                last=first.position.just_before(),
                after=None,
                origin=origin.initial,
                count=0,
                size=len(empty.body),
                payload_bytes=0,
                first_arrival_ms=arrival_ms,
                min_arrival_ms=arrival_ms,
                max_arrival_ms=first.arrival_ms,  # with the range's end, this gives the key of the next range
                sha256=empty.sha256.hex(),
                writer=self._place.writer,
            )
            link = gap if self._put(key, empty, gap) else self._link(key, at)
            if link.last == gap.last and not link.count:
                self._watch.stands(key, link)
                self._say_lost(link)
                return None
            if link.last >= first.position:
                return self._adopt_over(link, key, first)
            if link.count:
                self._watch.stands(key, link)
                return None
            at, arrival_ms = Position(link.last.sequence, link.last.sub + 1), link.max_arrival_ms
            key = self._place.key(at, arrival_ms)

    def _say_lost(self, link: Link) -> None:
        self._log.error(
            "records_not_archived",
            first=str(link.first),
            last=str(link.last),
            reason=f"the start at {link.origin} was repeated and began further on",
            remedy="while the stream still has them, read them under another prefix and applicationName",
        )
