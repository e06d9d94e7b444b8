"""Counts of dead letters, by hour, shard and reason; each position once. Pure."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from consumers.hours.times import hour_text, moment_text
from consumers.letters.keys import hour_in
from consumers.letters.letter import Letter


class Count(msgspec.Struct, frozen=True):
    """So many letters of a shard's hour have this reason."""

    hour: str
    shard: str
    reason: str
    letters: int


class Counts(msgspec.Struct, frozen=True, rename="camel"):
    """All of them: the oldest by the arrival of its record. `objects` counts what was read, doubles included."""

    letters: int
    objects: int
    damaged: tuple[str, ...]
    oldest: str | None
    oldest_age_seconds: int | None
    groups: tuple[Count, ...]


class Counting:
    """Counts while letters go by."""

    def __init__(self) -> None:
        """Begin with none."""
        self._groups: Counter[tuple[int, str, str]] = Counter()
        self._oldest_ms: int | None = None

    @property
    def letters(self) -> int:
        """How many there were."""
        return self._groups.total()

    def add(self, letters: Iterable[Letter]) -> None:
        """Count these, each of a position of its own."""
        for letter in letters:
            self._groups[hour_in(letter), letter.shard, letter.reason] += 1
            if letter.arrival_ms and (self._oldest_ms is None or letter.arrival_ms < self._oldest_ms):
                self._oldest_ms = letter.arrival_ms

    def counts(self, objects: int, damaged: Iterable[object], now_ms: int) -> Counts:
        """Sum up."""
        oldest, age_s = None, None
        if self._oldest_ms is not None:
            oldest, age_s = moment_text(self._oldest_ms), max(0, now_ms - self._oldest_ms) // 1000
        groups = tuple(
            Count(hour_text(hour_ms), shard, reason, letters)
            for (hour_ms, shard, reason), letters in sorted(self._groups.items())
        )
        return Counts(self.letters, objects, tuple(map(str, damaged)), oldest, age_s, groups)
