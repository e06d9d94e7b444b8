"""Counts dead letters by hour, shard and reason, each position once. Pure."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from consumers.hours.times import hour_text, moment_text
from consumers.letters.keys import hour_in
from consumers.letters.letter import Letter


class Count(msgspec.Struct, frozen=True):
    """The number of letters of one hour, shard and reason."""

    hour: str
    shard: str
    reason: str
    letters: int


class Counts(msgspec.Struct, frozen=True, rename="camel"):
    """All counts, and the arrival of the oldest record. `objects` counts objects read, `letters` distinct letters."""

    letters: int
    objects: int
    damaged: tuple[str, ...]
    oldest: str | None
    oldest_age_seconds: int | None
    groups: tuple[Count, ...]


class Counting:
    """Counts letters one after the other."""

    def __init__(self) -> None:
        """Start with no letters."""
        self._groups: Counter[tuple[int, str, str]] = Counter()
        self._oldest_ms: int | None = None

    @property
    def letters(self) -> int:
        """The number of letters so far."""
        return self._groups.total()

    def add(self, letters: Iterable[Letter]) -> None:
        """Count letters, each of a different position."""
        for letter in letters:
            self._groups[hour_in(letter), letter.shard, letter.reason] += 1
            if letter.arrival_ms and (self._oldest_ms is None or letter.arrival_ms < self._oldest_ms):
                self._oldest_ms = letter.arrival_ms

    def counts(self, objects: int, damaged: Iterable[object], now_ms: int) -> Counts:
        """Return the counts. `now_ms` is the present time in UTC milliseconds."""
        oldest, age_s = None, None
        if self._oldest_ms is not None:
            oldest, age_s = moment_text(self._oldest_ms), max(0, now_ms - self._oldest_ms) // 1000
        groups = tuple(
            Count(hour_text(hour_ms), shard, reason, letters)
            for (hour_ms, shard, reason), letters in sorted(self._groups.items())
        )
        return Counts(self.letters, objects, tuple(map(str, damaged)), oldest, age_s, groups)
