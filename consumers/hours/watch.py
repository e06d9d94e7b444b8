"""Tracks one shard: advances its watermark, seals its hours, and declares whole hours complete.

The pipeline reports what was delivered and what is durable. The chain reports which objects stand.
"""

from collections.abc import Sequence

import msgspec

from consumers.chain.claims import claim_layout
from consumers.chain.link import Link
from consumers.chain.origin import recall, record_key
from consumers.chain.store import Entry, ObjectStore
from consumers.config.consumer import ShardContext
from consumers.hours.beginning import begin, say_broken, say_gap
from consumers.hours.hours import Hours, ShardList
from consumers.hours.joints import Broken
from consumers.hours.known import Known, WatchPlace
from consumers.hours.manifest import sealed
from consumers.hours.mark import Mark, joined, load, mark_key, merge
from consumers.hours.overdue import Overdue
from consumers.hours.reading import CHECKPOINT, FENCED, SET_ASIDE, Gap, Reading
from consumers.hours.revisions import Manifests
from consumers.hours.seals import Sealer
from consumers.hours.times import hour_of
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Unavailable

_RETRY_S = 5.0  # until the next try after the store or the stream did not answer
_SAY_EACH_S = 60.0
_CLOCKS_DIFFER_MS = 60_000
_TRIES = 10


class ShardWatch:
    """The progress of a shard as one lease sees it. What it writes may be late, and is never wrong."""

    def __init__(self, store: ObjectStore, shards: ShardList, place: WatchPlace, context: ShardContext) -> None:
        """Take over a shard. Nothing is read or written yet."""
        self._store = store
        self._place = place
        self._shard = context.shard
        self._start = context.start
        self._clock = context.patience.clock
        self._log = context.log
        self._shards = shards
        self._key = mark_key(place.hours.application, place.hours.layout.stream, context.shard)
        self._known: Known | None = None
        self._delivered: Position | None = None
        self._lapse: str | None = None
        self._lapse_after: Position | None = None
        self._next_at = self._retry_at = self._say_at = 0.0

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        """Note a delivery, and return whether records may be missing before it.

        Raises:
            Unavailable: the shard's state could not be read yet. Call again.

        """
        known = self._known = self._known or self._take_over()
        said, before = len(known.reading.gaps), self._delivered
        self._delivered = records[-1].position if records else before
        gap = known.reading.received(records, self._store.now_ms(), caught_up=caught_up)
        if gap is None:
            return False
        self._lapse, self._lapse_after = gap.reason, before
        known.unsaid = True
        self._say_gap(known, gap, said)
        return True

    def _say_gap(self, known: Known, gap: Gap, said: int) -> None:
        if (gap.from_ms or gap.reason == CHECKPOINT) and len(known.reading.gaps) > said:
            say_gap(self._log, gap)

    def set_aside(self, from_ms: int | None, to_ms: int | None) -> None:
        """Note a record that came and is in no object, before its delivery is passed to `received`.

        It arrived between these times, as far as known; None means unknown. No hour that they touch holds all of its
        records.

        Raises:
            Unavailable: the shard's state could not be read yet. Call again.

        """
        known = self._known = self._known or self._take_over()
        before = known.mark.watermark_ms if known.mark else 0
        first = before if from_ms is None else from_ms
        last = self._store.now_ms() if to_ms is None else to_ms
        aside = joined((*known.aside, Gap(first, max(last, first + 1), SET_ASIDE)))
        settled_ms = known.hours.next_ms or 0
        known.aside = tuple(gap for gap in aside if gap.to_ms > settled_ms)
        known.unsaid = True

    def ready(self, records: Sequence[Record]) -> int:
        """Return the number of all records, since none is looked into."""
        return len(records)

    def lapse(self, first: Position) -> str | None:
        """Return the reason why records may be missing before an object that begins here, or None.

        A reason is returned once. It is stored in the mark first: the process that seals the object's hour must find
        the gap.
        """
        if self._lapse is None or (self._lapse_after is not None and first <= self._lapse_after):
            return None
        if self._known and self._known.mark and self._known.unsaid:
            self._publish(self._known, self._known.mark.watermark_ms, began_ms=self._known.mark.began_ms)
        reason, self._lapse = self._lapse, None
        return reason

    def stands(self, key: str, link: Link) -> None:
        """Note an object that was written or adopted, before anything of it is committed.

        The shard's first mark, and any gap, are written first: once the object's end is committed, a later lease would
        not find them again. An object of a sealed hour is late: its seal and the hour's manifest are revised first.
        """
        known = self._known
        if known is None:
            return
        known.sealer.stands(key, link)
        if not link.count:
            self._miss(known, Broken.fenced(sealed(Entry(key, link.size, ""), link)))
        hour_ms = hour_of(link.first_arrival_ms)
        mark = known.mark
        if mark is None or known.unsaid or hour_ms < mark.began_ms:
            mark = self._publish(known, min(link.min_arrival_ms, self._store.now_ms()), began_ms=hour_ms)
        if known.sealer.has_told(hour_ms, key):
            return
        late = hour_ms < mark.sealed_to_ms
        if late or (self._may_be_over(hour_ms) and self._is_sealed(known, hour_ms)):
            self._seal(known, hour_ms)
            if known.unsaid:
                self._publish(known, mark.watermark_ms, began_ms=mark.began_ms)

    def settled(self, oldest_ms: int | None) -> None:
        """Write the watermark when it is due.

        Everything delivered is durable except what arrived from `oldest_ms` on. This never waits: what the store or the
        stream refuses now is tried again later.
        """
        known = self._known
        if known is None or known.reading.delivered_ms is None:
            return
        watermark_ms = known.reading.delivered_ms
        if oldest_ms is not None:
            watermark_ms = min(watermark_ms, oldest_ms)
        if not self._due(known.mark, watermark_ms):
            return
        now = self._clock()
        self._next_at, self._retry_at = now + self._place.interval_s, 0.0
        try:
            mark = self._publish(known, watermark_ms)
            known.overdue.look(known.hours.advance(mark.watermark_ms), known.hours.next_ms, mark)
        except Unavailable as fault:
            self._retry_at = now + _RETRY_S
            self._say_later(fault)

    def ended(self) -> None:
        """Store that everything of this shard is durable and nothing follows, before its end is committed.

        Raises:
            Unavailable: it could not be written yet. Call again.

        """
        known = self._known = self._known or self._take_over()
        said = len(known.reading.gaps)
        if gap := known.reading.ended(self._store.now_ms()):
            self._say_gap(known, gap, said)
        delivered = known.reading.delivered_ms
        mark = self._publish(known, delivered if delivered is not None else self._store.now_ms(), ended=True)
        try:
            known.hours.advance(mark.watermark_ms)
        except Unavailable as fault:  # the processes of other shards declare hours too
            self._say_later(fault)

    def _take_over(self) -> Known:
        hours = self._place.hours
        claim_layout(self._store, hours.application, hours.stream, hours.layout)
        mark, version = load(self._store, self._key)
        record, _ = recall(self._store, record_key(hours.application, hours.layout, self._shard))
        layouts = tuple(dict.fromkeys((hours.layout, *((record.layout, *record.former) if record else ()))))
        manifests = Manifests(self._store, hours, layouts, self._log)
        sealer = Sealer(self._store, hours, self._shard, layouts)
        now_ms, retention_ms = self._store.now_ms(), self._place.horizon.retention_ms
        beginning = begin(self._start, mark, sealer, now_ms, retention_ms)
        known_ms = mark.watermark_ms if mark else None
        reading = Reading(self._start, known_ms, self._place.horizon, beginning.doubt)
        decided = Hours(self._store, self._shards, hours, manifests)
        overdue = Overdue(self._store, hours, self._clock, self._log)
        known = Known(reading, sealer, manifests, decided, mark, version, overdue)
        if beginning.gone:
            self._miss(known, beginning.gone)
        return known

    def _due(self, mark: Mark | None, watermark_ms: int) -> bool:
        now = self._clock()
        if now < self._retry_at or (mark is not None and watermark_ms <= mark.watermark_ms):
            return False
        passes_an_hour = mark is not None and self._sealable(watermark_ms) > self._sealable(mark.watermark_ms)
        return passes_an_hour or bool(self._retry_at) or now >= self._next_at

    def _sealable(self, watermark_ms: int) -> int:
        """Return the end of the last hour that a watermark has passed, with its grace."""
        return hour_of(watermark_ms - self._place.hours.grace_ms)

    def _is_sealed(self, known: Known, hour_ms: int) -> bool:
        """Return whether an hour is sealed by now: the state read when the lease began may be old."""
        known.mark, known.version = load(self._store, self._key)
        sealed_by_mark = known.mark is not None and hour_ms < known.mark.sealed_to_ms
        return sealed_by_mark or known.sealer.is_sealed(hour_ms)

    def _may_be_over(self, hour_ms: int) -> bool:
        """Return whether another holder of the same shard may have sealed an hour that this one has not."""
        return hour_ms + HOUR_MS < self._store.now_ms() + _CLOCKS_DIFFER_MS

    def _say_later(self, fault: Unavailable) -> None:
        if self._clock() < self._say_at:
            return
        self._say_at = self._clock() + _SAY_EACH_S
        say = self._log.error if fault.operator else self._log.warning
        say("watermark_later", reason=fault.reason, remedy=fault.remedy)

    def _publish(self, known: Known, watermark_ms: int, *, began_ms: int | None = None, ended: bool = False) -> Mark:
        """Seal the hours that the watermark has passed, then write the mark, merged with what others wrote."""
        began_ms = hour_of(watermark_ms) if began_ms is None else began_ms
        for _ in range(_TRIES):
            mine = self._statement(known, watermark_ms, began_ms, ended=ended)
            if known.mark is not None and msgspec.structs.replace(mine, writer=known.mark.writer) == known.mark:
                mine = known.mark
                break
            version = self._store.swap(self._key, msgspec.json.encode(mine), known.version)
            if version is not None:
                known.mark, known.version = mine, version
                break
            known.mark, known.version = load(self._store, self._key)
        else:
            reason = f"{self._key} was changed by others {_TRIES} times in a row"
            raise Unavailable(reason, "none: it is tried again")
        known.unsaid = False
        known.sealed.clear()
        known.sealer.forget(mine.sealed_to_ms)
        return mine

    def _statement(self, known: Known, watermark_ms: int, began_ms: int, *, ended: bool) -> Mark:
        mark = known.mark
        watermark_ms = max(watermark_ms, mark.watermark_ms) if mark else watermark_ms
        until_ms = self._sealable(watermark_ms)
        if ended:  # the last record need not be the newest, and the store's clock may lag behind the stream's
            until_ms = hour_of(max(watermark_ms, self._store.now_ms())) + 2 * HOUR_MS
        unsealed = [*range(began_ms, mark.began_ms if mark else began_ms, HOUR_MS)]
        unsealed += range(mark.sealed_to_ms if mark else began_ms, until_ms, HOUR_MS)
        for hour_ms in unsealed:
            if hour_ms not in known.sealed:  # a later object's writer finds the seal, and revises it
                self._seal(known, hour_ms)
                known.sealed.add(hour_ms)
        sealed_ms = max(until_ms, mark.sealed_to_ms if mark else began_ms)
        gaps = joined((*known.reading.gaps, *known.aside, *(broken.gap for broken in known.broken)))
        joints, writer = known.sealer.joints, self._place.writer
        mine = Mark(self._shard, began_ms, watermark_ms, sealed_ms, writer, ended, gaps, joints.tail, joints.anchor)
        mine = merge(mark, mine) if mark else mine
        settled_ms = (known.hours.next_ms or 0) - self._place.hours.grace_ms
        return msgspec.structs.replace(mine, gaps=tuple(gap for gap in mine.gaps if gap.to_ms > settled_ms))

    def _seal(self, known: Known, hour_ms: int) -> None:
        _, broken = known.sealer.seal(hour_ms)
        for one in broken:
            self._miss(known, one)
        known.manifests.reconcile(hour_ms)
        known.sealer.told()

    def _miss(self, known: Known, broken: Broken) -> None:
        if broken in known.broken:
            return
        known.broken[broken], known.unsaid = None, True
        if broken.gap.reason != FENCED:  # which the chain has logged
            say_broken(self._log, broken)
