"""Reads dead letters, each position once, however often a crash or another version stored it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consumers.letters.keys import Stored
from consumers.letters.letter import DamagedLetters, Letter, unique
from consumers.letters.store import DeadLetters
from consumers.records import Position


class Selection(NamedTuple):
    """The letters that a command applies to. An empty field matches all."""

    shard: str = ""
    reasons: frozenset[str] = frozenset()
    positions: frozenset[Position] = frozenset()

    def may_hold(self, stored: Stored) -> bool:
        """Return whether an object can hold selected letters, by its key."""
        return not self.shard or stored.shard == self.shard

    def holds(self, letter: Letter) -> bool:
        """Return whether a letter is selected."""
        return (
            (not self.shard or letter.shard == self.shard)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.positions or letter.position in self.positions)
        )


class Reader:
    """Reads objects one after the other. Damaged ones are skipped, and their faults stored in `damaged`."""

    def __init__(self, letters: DeadLetters) -> None:
        """Start with no damaged objects."""
        self._letters = letters
        self.damaged: list[DamagedLetters] = []

    def objects(self, entries: Iterable[Stored]) -> Iterator[tuple[Stored, list[Letter]]]:
        """Yield each object with its letters. An object that is gone meanwhile is left out."""
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

        Only overlapping objects are held in memory. The objects of a shard's hour come in the order of their first
        positions, so a letter before the next object's first position cannot come again.
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
