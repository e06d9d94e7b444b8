"""Reads dead letters so that each position counts once, however often a crash or a second version stored it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consumers.letters.keys import Stored
from consumers.letters.letter import DamagedLetters, Letter, unique
from consumers.letters.store import DeadLetters
from consumers.records import Position


class Selection(NamedTuple):
    """Which letters a command is about. Empty means all."""

    shard: str = ""
    reasons: frozenset[str] = frozenset()
    positions: frozenset[Position] = frozenset()

    def may_hold(self, stored: Stored) -> bool:
        """Whether an object can hold any of them, by its key."""
        return not self.shard or stored.shard == self.shard

    def holds(self, letter: Letter) -> bool:
        """Whether this is one of them."""
        return (
            (not self.shard or letter.shard == self.shard)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.positions or letter.position in self.positions)
        )


class Reader:
    """Reads objects one after the other. Those that are damaged are named in `damaged`, and passed over."""

    def __init__(self, letters: DeadLetters) -> None:
        """Begin."""
        self._letters = letters
        self.damaged: list[DamagedLetters] = []

    def objects(self, entries: Iterable[Stored]) -> Iterator[tuple[Stored, list[Letter]]]:
        """Yield each object with its letters; one that is gone meanwhile is left out."""
        for stored in entries:
            try:
                letters = self._letters.read(stored.key)
            except DamagedLetters as fault:
                self.damaged.append(fault)
                continue
            if letters is not None:
                yield stored, letters

    def distinct(self, entries: Iterable[Stored]) -> Iterator[Letter]:
        """Yield the letters of objects, in the order of `DeadLetters.entries`, each position once.

        It holds no more than the objects that overlap: within a shard's hour they come by their first position, so what
        stands before the next object's first cannot come again.
        """
        held: list[Letter] = []
        last: Stored | None = None
        for stored, letters in self.objects(entries):
            if last is not None and _chapter(stored) == _chapter(last):
                settled = [letter for letter in held if letter.position < stored.first]
                yield from settled
                held = unique((*held[len(settled) :], *letters))
            else:
                yield from held
                held = unique(letters)
            last = stored
        yield from held


def _chapter(stored: Stored) -> tuple[int, str, str]:
    return stored.hour_ms, stored.stream, stored.shard
