"""Finds the ledger's entry for each record in a destination, and counts the differences."""

from collections import Counter

import msgspec
from msgspec import field

from consumers.local.ledger import Entry, Ledger, sha256_of

# Enough to find the fault, but few enough for the screen.
_MAX_EXAMPLES = 10

Place = tuple[str, int, int]
"""Shard, sequence number and sub-sequence number of a record."""


class Differences(msgspec.Struct, rename="camel", kw_only=True):
    """The differences between a destination and what was put. Counts are of records."""

    put: int = 0
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    unexpected: int = 0
    producer_repeats: int = 0
    """Records that are in the stream twice, because a PutRecords had no answer. The destination
    is right to hold both."""
    faults: list[str] = field(default_factory=list)
    """Up to ten places where the two differ, without a record's data."""

    @property
    def exact(self) -> bool:
        """Whether every record put is there once, unaltered, and nothing else is."""
        return not (self.lost or self.duplicated or self.altered or self.unexpected)

    def counts(self) -> list[tuple[str, str]]:
        """Return the differences as rows of a table for people."""
        return [
            ("lost", f"{self.lost:,}"),
            ("duplicated", f"{self.duplicated:,}"),
            ("altered", f"{self.altered:,}"),
            ("unexpected", f"{self.unexpected:,}"),
        ]

    def repeats(self) -> list[tuple[str, str]]:
        """Return a row for what the producer put twice, if there is any."""
        return [("put twice by a lost answer", f"{self.producer_repeats:,}")] if self.producer_repeats else []

    def note(self, fault: str) -> None:
        """Keep an example of a difference."""
        if len(self.faults) < _MAX_EXAMPLES:
            self.faults.append(fault)


class Matching:
    """Matches the records of a destination, in any order, with the ledger's entries, each once."""

    def __init__(self, ledger: Ledger, differences: Differences) -> None:
        """Expect the entries of ``ledger``, and count in ``differences``."""
        self._expected: dict[Place, Entry] = {(entry.shard, entry.sequence, 0): entry for entry in ledger}
        self._unsure = Counter(ledger.unsure)
        self._seen: set[Place] = set()
        self._differences = differences
        differences.put = ledger.put

    def entry(self, place: Place, where: str, *payloads: bytes) -> Entry | None:
        """Return the entry of a place, or None if nothing was put there or it was returned before.

        ``payloads`` are the bytes that the record may have been put with.
        """
        if place in self._seen:
            self._differences.duplicated += 1
            self._differences.note(f"duplicated: {written(place)}, again in {where}")
            return None
        self._seen.add(place)
        entry = self._expected.get(place)
        if entry is None:
            self._explain(place, where, payloads)
        return entry

    def finish(self) -> None:
        """Count the records that were put and never seen."""
        for place in self._expected.keys() - self._seen:
            self._differences.lost += 1
            self._differences.note(f"lost: {written(place)}")

    def _explain(self, place: Place, where: str, payloads: tuple[bytes, ...]) -> None:
        for digest in map(sha256_of, payloads):
            if self._unsure[digest] > 0:
                self._unsure[digest] -= 1
                self._differences.producer_repeats += 1
                return
        self._differences.unexpected += 1
        self._differences.note(f"unexpected: {written(place)} in {where}")


def written(place: Place) -> str:
    """Return a place as text."""
    shard, sequence, sub = place
    return f"{shard} {sequence}:{sub}"
