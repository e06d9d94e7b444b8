"""The ranges of one shard's objects, added in any order and joined to runs. Pure; memory stays small."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from consumers.records import Position


class Piece(NamedTuple):
    """An object's range, and its predecessor as it names it."""

    key: str
    first: Position
    last: Position
    after: Position | None
    origin: str | None


@dataclass(slots=True)
class _Run:
    """A run of pieces that follow one another without a gap."""

    first: Position
    last: Position
    head: Piece


class Break(NamedTuple):
    """Two runs that do not join. `said` is the reason if the later one declares the gap itself, otherwise empty."""

    before: Position
    behind: Piece
    said: str


class Ranges:
    """One shard's runs of objects. A complete chain is one run, however long it is."""

    def __init__(self) -> None:
        """Begin without objects."""
        self._runs: list[_Run] = []
        self.declared: list[Break] = []

    def add(self, piece: Piece) -> bool:
        """Add an object. Return False if its range overlaps another one."""
        at = bisect_right(self._runs, piece.first, key=attrgetter("first"))
        behind = self._runs[at] if at < len(self._runs) else None
        before = self._runs[at - 1] if at else None
        if (before and before.last >= piece.first) or (behind and behind.first <= piece.last):
            return False
        if before and piece.after == before.last:
            if piece.origin:
                self.declared.append(Break(before.last, piece, piece.origin))
            before.last = piece.last
        else:
            before = _Run(piece.first, piece.last, piece)
            self._runs.insert(at, before)
            at += 1
        if behind and behind.head.after == piece.last:
            if behind.head.origin:
                self.declared.append(Break(piece.last, behind.head, behind.head.origin))
            before.last = behind.last
            del self._runs[at]
        return True

    def breaks(self) -> Iterator[Break]:
        """Yield the places where the runs do not join."""
        for before, behind in zip(self._runs, self._runs[1:], strict=False):
            yield Break(before.last, behind.head, behind.head.origin or "")

    @property
    def head(self) -> Piece | None:
        """The first object."""
        return self._runs[0].head if self._runs else None

    @property
    def is_begun(self) -> bool:
        """Whether the first object declares that the chain begins with it, or that records before it may be missing."""
        return self.head is not None and self.head.origin is not None

    @property
    def last(self) -> Position | None:
        """The end of the last object."""
        return self._runs[-1].last if self._runs else None
