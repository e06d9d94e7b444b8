"""A run of records on its way to the server, and what has become of each."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from consumers.documents.document import Rejected
from consumers.records import Position, Record, position_of
from consumers.search.items import Outcome

_WORST_FIRST = (Outcome.REJECTED, Outcome.INDEXED, Outcome.DUPLICATE)


class Entry(msgspec.Struct, gc=False):  # thousands live as long as a batch, and none is part of a cycle
    """One document: its two lines of the request, its record, and its fate once that is known."""

    lines: bytes
    record: Record
    outcome: Outcome | None = None
    rejected: Rejected | None = None

    def reject(self, rejected: Rejected) -> None:
        """Take note that the server will not have it."""
        self.outcome, self.rejected = Outcome.REJECTED, rejected


@dataclass(slots=True)
class Tally:
    """What became of records. Each counts once: as a dead letter if one of its documents was rejected."""

    records: int = 0
    indexed: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    filtered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether each record is accounted for."""
        return self.records == self.indexed + self.duplicates + self.dead_letters + self.filtered

    def add(self, other: "Tally") -> None:
        """Count another run too."""
        self.records += other.records
        self.indexed += other.indexed
        self.duplicates += other.duplicates
        self.dead_letters += other.dead_letters
        self.filtered += other.filtered


@dataclass(slots=True)
class IndexBatch:
    """A contiguous run of one shard's records.

    `undecoded` are those of which no document could be made; `filtered` counts those that are left out on purpose;
    `pending` are the documents whose fate is not known yet.
    """

    records: list[Record] = field(default_factory=list)
    documents: list[Entry] = field(default_factory=list)
    undecoded: list[tuple[Record, Rejected]] = field(default_factory=list)
    filtered: int = 0
    pending: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> Position:
        """The position of its last record."""
        return self.records[-1].position

    def after(self, position: Position) -> Sequence[Record]:
        """Give its records after a position."""
        return self.records[bisect_right(self.records, position, key=position_of) :]

    def forget_settled(self) -> None:
        """Wait no longer for what has its fate by now."""
        self.pending = [entry for entry in self.pending if entry.outcome is None]

    def reconsider(self) -> None:
        """Let the server be asked anew about what it rejected: the cause may be gone."""
        self.pending = [entry for entry in self.documents if entry.outcome is Outcome.REJECTED]
        for entry in self.pending:
            entry.outcome = entry.rejected = None

    def dead(self) -> list[tuple[Record, Rejected]]:
        """Give each record that cannot be delivered once, in order, with the first reason."""
        found = {id(record): (record, rejected) for record, rejected in self.undecoded}
        for entry in self.documents:
            if entry.rejected:
                found.setdefault(id(entry.record), (entry.record, entry.rejected))
        return sorted(found.values(), key=lambda one: one[0].position)

    def tally(self) -> Tally:
        """Account for the records of a batch of which nothing is pending."""
        if len(self.documents) + len(self.undecoded) + self.filtered == len(self.records):
            fates = Counter([entry.outcome for entry in self.documents])  # a document each: nothing to weigh
        else:
            of_record: dict[int, set[Outcome | None]] = {}
            for entry in self.documents:
                of_record.setdefault(id(entry.record), set()).add(entry.outcome)
            fates = Counter(next(one for one in _WORST_FIRST if one in found) for found in of_record.values())
        return Tally(
            len(self.records),
            fates[Outcome.INDEXED],
            fates[Outcome.DUPLICATE],
            fates[Outcome.REJECTED] + len(self.undecoded),
            self.filtered,
        )
