"""Checks whether the objects of an hour are links of one chain: each names the end of the one before it. Pure.

Sequence numbers are sparse, so only that name proves it. The order is that of positions, not of hours: an object that
came late stands in the folder of an earlier hour, between two objects of a later one.
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
    """A break in the chain: the gap that it makes, the key of the object that shows it, and the explanation."""

    gap: Gap
    key: str
    why: str

    @classmethod
    def gone(cls, key: str, link: Link) -> "Broken":
        """Make the break of an object that stood and is gone."""
        return cls(Gap(link.min_arrival_ms, link.max_arrival_ms + 1, MISSING), key, "it was written, and is gone")

    @classmethod
    def at(cls, tail: Tail, since_ms: int) -> "Broken":
        """Make the break of the object that the last process wrote last. Nothing is known to stand since `since_ms`."""
        gap = Gap(min(since_ms, tail.hour_ms), max(tail.arrival_ms, tail.hour_ms) + 1, MISSING)
        return cls(gap, f"the object that ends at {tail.last}", "it was written, and is gone")

    @classmethod
    def before(cls, one: SealedObject, since_ms: int) -> "Broken":
        """Make the break of the object that this one follows. Nothing is known to stand since `since_ms`."""
        gap = Gap(min(since_ms, one.min_arrival_ms), one.min_arrival_ms + 1, MISSING)
        return cls(gap, one.key, f"it follows {one.after}, where no object ends")

    @classmethod
    def fenced(cls, one: SealedObject) -> "Broken":
        """Make the break of the range that a fence closes: its records were read once, and are stored nowhere."""
        return cls(Gap(one.min_arrival_ms, one.max_arrival_ms + 1, FENCED), one.key, "it is a fence")


class Joints:
    """The ends of objects that one process knows of."""

    def __init__(self) -> None:
        """Start with no ends."""
        self._ends: dict[Position, None] = {}
        self._trusted: Position | None = None
        self.anchor: str | None = None
        self.tail: Tail | None = None

    def begin(self, mark: Mark | None, checkpoint: Position | None) -> None:
        """Take over what former processes have stored in the mark."""
        self._trusted = checkpoint
        self.tail = mark.tail if mark else None
        self.anchor = mark.anchor if mark else ""
        if self.anchor:
            self._ends[Position.parse(self.anchor)] = None

    def trust(self, checkpoint: Position) -> None:
        """Assume that an object ends at a checkpoint: one of a sealed hour, or of an unknown one."""
        self._ends[checkpoint] = None

    def sealed(self, objects: Sequence[SealedObject]) -> None:
        """Note the objects of an hour that is sealed."""
        ends = [Position.parse(one.last) for one in objects]
        if self.anchor:
            ends.append(Position.parse(self.anchor))
        if ends:
            self.anchor = str(max(ends))

    def stands(self, link: Link) -> None:
        """Note an object that stands."""
        self._ends[link.last] = None
        if not link.count:
            return  # a fence ends just before a record, so no object begins after its end
        if len(self._ends) > _MOST_ENDS:
            del self._ends[next(iter(self._ends))]
        self.tail = further(self.tail, Tail(str(link.last), hour_of(link.first_arrival_ms), link.max_arrival_ms))

    def loose(self, objects: Sequence[SealedObject]) -> Iterator[tuple[SealedObject, Position]]:
        """Yield the objects that follow a position where no known object ends, and that position.

        `objects` are those of an hour, in order. Where the ends of the hours before it are unknown, the first object is
        trusted if it ends no later than the checkpoint.
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
