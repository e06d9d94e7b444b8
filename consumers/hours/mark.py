"""A shard's mark: its watermark, and what else must survive a restart. One small object, never set back.

It is written on condition that nobody else has written it meanwhile (`If-Match`). What a refused writer knows is merged
into what stands: each of its statements is about the stream and the bucket, not about who holds the lease, and so stays
true whoever makes it.
"""

from collections.abc import Iterable

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.reading import EDGE_MARGIN_MS, SETTLED_BY_NOBODY, Gap
from consumers.hours.stored import decoded
from consumers.records import Position


class Tail(msgspec.Struct, frozen=True, rename="camel"):
    """How far a chain is known to reach: the end of its furthest object, that object's hour, and the latest arrival.

    A process that begins at a later position than `last` has to find the object that ends there.
    """

    last: str
    hour_ms: int
    arrival_ms: int

    @property
    def position(self) -> Position:
        """Where the chain ends, as far as it is known."""
        return Position.parse(self.last)


class Mark(msgspec.Struct, frozen=True, rename="camel"):
    """What is known of a shard. Times are UTC milliseconds of arrival.

    Everything that arrived before `watermark_ms` is in the bucket, but for what `gaps` says. The hours before
    `sealed_to_ms` are sealed, from `began_ms` on. `ended`: everything of a split or merged shard is in the bucket.
    `tail` is None where nothing stands yet, and where a worker of a former version wrote the mark last. `anchor` is
    where the objects of the sealed hours end, empty where they have none; None where nobody knows.
    """

    shard: str
    began_ms: int
    watermark_ms: int
    sealed_to_ms: int
    writer: str
    ended: bool = False
    gaps: tuple[Gap, ...] = ()
    tail: Tail | None = None
    anchor: str | None = None

    def passed(self, end_ms: int, grace_ms: int) -> bool:
        """Whether everything that arrived before the end of an hour is settled and sealed, and the grace is over."""
        return self.ended or (self.watermark_ms >= end_ms + grace_ms and self.sealed_to_ms >= end_ms)


def mark_key(application: str, stream: str, shard: str) -> str:
    """Name a shard's mark."""
    return f"{marks_folder(application, stream)}{shard}.json"


def marks_folder(application: str, stream: str) -> str:
    """Give what the keys of a stream's marks begin with."""
    return f"{STATE_PREFIX}/{application}/marks/{stream}/"


def merge(theirs: Mark, mine: Mark) -> Mark:
    """Join two statements about one shard. What one of them has settled is no gap of the other, but what none can."""
    added = [
        gap if gap.reason in SETTLED_BY_NOBODY else Gap(max(gap.from_ms, theirs.watermark_ms), gap.to_ms, gap.reason)
        for gap in mine.gaps
        if gap not in theirs.gaps and (gap.reason in SETTLED_BY_NOBODY or gap.to_ms > theirs.watermark_ms)
    ]
    return Mark(
        theirs.shard,
        min(theirs.began_ms, mine.began_ms),
        max(theirs.watermark_ms, mine.watermark_ms),
        max(theirs.sealed_to_ms, mine.sealed_to_ms),
        mine.writer,
        theirs.ended or mine.ended,
        joined((*theirs.gaps, *added)),
        further(theirs.tail, mine.tail),
        _anchor(theirs, mine),
    )


def _anchor(theirs: Mark, mine: Mark) -> str | None:
    """Give the anchor of whoever has sealed more hours: nobody else knows what these hold."""
    if theirs.sealed_to_ms != mine.sealed_to_ms:
        return max(theirs, mine, key=lambda mark: mark.sealed_to_ms).anchor
    found = [Position.parse(anchor) for anchor in (theirs.anchor, mine.anchor) if anchor]
    return str(max(found)) if found else mine.anchor or theirs.anchor


def further(one: Tail | None, other: Tail | None) -> Tail | None:
    """Give the tail that two know of together."""
    if one is None or other is None:
        return one or other
    furthest = max(one, other, key=lambda tail: tail.position)
    return Tail(furthest.last, furthest.hour_ms, max(one.arrival_ms, other.arrival_ms))


def joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Put gaps in order, those of one reason that touch as one."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.reason, gap.from_ms)):
        last = found[-1] if found else None
        if last and last.reason == gap.reason and gap.from_ms <= last.to_ms + EDGE_MARGIN_MS:
            found[-1] = Gap(last.from_ms, max(last.to_ms, gap.to_ms), gap.reason)
        else:
            found.append(gap)
    return tuple(sorted(found, key=lambda gap: gap.from_ms))


def load(store: ObjectStore, key: str) -> tuple[Mark | None, str | None]:
    """Read a mark and its version; None and None if there is none.

    Raises:
        Parked: it is damaged.

    """
    standing = store.find(key)
    if standing is None:
        return None, None
    remedy = "restore its former version, or delete it: it is made anew, and open hours may say RETENTION"
    return decoded(standing.body, Mark, key, remedy), standing.version
