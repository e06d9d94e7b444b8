"""A shard's mark: its watermark, and the other state that must survive a restart. One small object, never set back.

It is written conditionally (`If-Match`). A refused writer merges what it knows into what stands. Each statement is
about the stream and the bucket, not about the holder of the lease, so it stays true whichever process makes it.
"""

from collections.abc import Iterable

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.reading import EDGE_MARGIN_MS, SETTLED_BY_NOBODY, Gap
from consumers.hours.stored import decoded
from consumers.records import Position


class Tail(msgspec.Struct, frozen=True, rename="camel"):
    """The known end of a chain: the last position of its furthest object, that object's hour, and the latest arrival.

    A process that begins beyond `last` must find an object that ends there.
    """

    last: str
    hour_ms: int
    arrival_ms: int

    @property
    def position(self) -> Position:
        """The position at which the chain ends, as far as known."""
        return Position.parse(self.last)


class Mark(msgspec.Struct, frozen=True, rename="camel"):
    """The state of a shard. Times are arrival times in UTC milliseconds.

    Everything that arrived before `watermark_ms` is in the bucket, except what `gaps` names. From `began_ms` on, the
    hours before `sealed_to_ms` are sealed. `ended` means that everything of a split or merged shard is in the bucket.
    `tail` is None where nothing stands yet, or where a worker of a former version wrote the mark last. `anchor` is the
    position at which the objects of the sealed hours end: empty if they have none, None if it is unknown.
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
        """Return whether everything that arrived before `end_ms` is settled and sealed, and the grace is over."""
        return self.ended or (self.watermark_ms >= end_ms + grace_ms and self.sealed_to_ms >= end_ms)


def mark_key(application: str, stream: str, shard: str) -> str:
    """Return the key of a shard's mark."""
    return f"{marks_folder(application, stream)}{shard}.json"


def marks_folder(application: str, stream: str) -> str:
    """Return the key prefix of a stream's marks."""
    return f"{STATE_PREFIX}/{application}/marks/{stream}/"


def merge(theirs: Mark, mine: Mark) -> Mark:
    """Merge two marks of one shard.

    What either of them has settled is no gap, except gaps that no process can settle (`SETTLED_BY_NOBODY`).
    """
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
    """Return the anchor of the mark with more sealed hours, since only its writer knows what they hold."""
    if theirs.sealed_to_ms != mine.sealed_to_ms:
        return max(theirs, mine, key=lambda mark: mark.sealed_to_ms).anchor
    found = [Position.parse(anchor) for anchor in (theirs.anchor, mine.anchor) if anchor]
    return str(max(found)) if found else mine.anchor or theirs.anchor


def further(one: Tail | None, other: Tail | None) -> Tail | None:
    """Merge two tails."""
    if one is None or other is None:
        return one or other
    furthest = max(one, other, key=lambda tail: tail.position)
    return Tail(furthest.last, furthest.hour_ms, max(one.arrival_ms, other.arrival_ms))


def joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Sort gaps, and join those of one reason that touch."""
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
