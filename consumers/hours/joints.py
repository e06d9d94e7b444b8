"""Whether the objects of an hour are links of one chain: each names the end of the one before it. Pure.

Sequence numbers are sparse, so only a name proves it. And the order is that of positions, not of hours: an object that
came late stands in the folder of a former hour, between two of a later one.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from consumers.chain.link import Link
from consumers.hours.manifest import SealedObject
from consumers.hours.mark import Mark, Tail, further
from consumers.hours.reading import FENCED, MISSING, Gap
from consumers.hours.times import hour_of
from consumers.records import Position

_MOST_ENDS = 10_000


class Broken(NamedTuple):
    """What is missing: arrival times and a reason, the object that shows it, and how."""

    gap: Gap
    key: str
    why: str

    @classmethod
    def gone(cls, key: str, link: Link) -> "Broken":
        """Miss an object that stood."""
        return cls(Gap(link.min_arrival_ms, link.max_arrival_ms + 1, MISSING), key, "it was written, and is gone")

    @classmethod
    def at(cls, tail: Tail, since_ms: int) -> "Broken":
        """Miss the object that the last process wrote last; since a time, nothing is known to stand before it."""
        gap = Gap(min(since_ms, tail.hour_ms), max(tail.arrival_ms, tail.hour_ms) + 1, MISSING)
        return cls(gap, f"the object that ends at {tail.last}", "it was written, and is gone")

    @classmethod
    def before(cls, one: SealedObject, since_ms: int) -> "Broken":
        """Miss the object that this one follows; since a time, nothing is known to stand before it."""
        gap = Gap(min(since_ms, one.min_arrival_ms), one.min_arrival_ms + 1, MISSING)
        return cls(gap, one.key, f"it follows {one.after}, where no object ends")

    @classmethod
    def fenced(cls, one: SealedObject) -> "Broken":
        """Miss what a fence closes: it was seen once, and is stored nowhere."""
        return cls(Gap(one.min_arrival_ms, one.max_arrival_ms + 1, FENCED), one.key, "it is a fence")


class Joints:
    """The ends of objects that one process knows of."""

    def __init__(self) -> None:
        """Know of none."""
        self._ends: dict[Position, None] = {}
        self._trusted: Position | None = None
        self.anchor: str | None = None
        self.tail: Tail | None = None

    def begin(self, mark: Mark | None, checkpoint: Position | None) -> None:
        """Begin with what others have known."""
        self._trusted = checkpoint
        self.tail = mark.tail if mark else None
        self.anchor = mark.anchor if mark else ""
        if self.anchor:
            self._ends[Position.parse(self.anchor)] = None

    def trust(self, checkpoint: Position) -> None:
        """Take it that an object ends at a checkpoint: one of an hour that is sealed, or of nobody knows which."""
        self._ends[checkpoint] = None

    def sealed(self, objects: Sequence[SealedObject]) -> None:
        """Take note of what an hour holds, once it is sealed."""
        ends = [Position.parse(one.last) for one in objects]
        if self.anchor:
            ends.append(Position.parse(self.anchor))
        if ends:
            self.anchor = str(max(ends))

    def stands(self, link: Link) -> None:
        """Take note of an object."""
        self._ends[link.last] = None
        if not link.count:
            return  # a fence ends just before a record: nothing begins where it ends
        if len(self._ends) > _MOST_ENDS:
            del self._ends[next(iter(self._ends))]
        self.tail = further(self.tail, Tail(str(link.last), hour_of(link.first_arrival_ms), link.max_arrival_ms))

    def loose(self, objects: Sequence[SealedObject]) -> Iterator[tuple[SealedObject, Position]]:
        """Yield the objects that follow a place where nothing is known to end, and that place.

        `objects` are an hour's, in order. Where nobody knows where the hours before it end, the first is trusted up to
        a checkpoint.
        """
        ends = {Position.parse(one.last) for one in objects}
        for at, one in enumerate(objects):
            if not one.after or one.origin:
                continue
            after = Position.parse(one.after)
            trusted = self._trusted if at == 0 and self.anchor is None else None
            if (
                (trusted is None or Position.parse(one.last) > trusted)
                and after not in ends
                and after not in self._ends
            ):
                yield one, after
