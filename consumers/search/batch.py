"""A batch of records on its way to the server, with the outcome of each document."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from consumers.documents.document import Rejected
from consumers.records import Position, Record, position_of
from consumers.search.items import Outcome

_WORST_FIRST = (Outcome.REJECTED, Outcome.INDEXED, Outcome.DUPLICATE)


class Entry(msgspec.Struct, gc=False):  # a batch has thousands, and none is part of a cycle
    """One document: its two lines of the bulk request, its record, and its outcome once that is known."""

    lines: bytes
    record: Record
    outcome: Outcome | None = None
    rejected: Rejected | None = None

    def reject(self, rejected: Rejected) -> None:
        """Set the outcome to rejected."""
        self.outcome, self.rejected = Outcome.REJECTED, rejected


@dataclass(slots=True)
class Tally:
    """The number of records by outcome. A record counts as a dead letter if one of its documents was rejected."""

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
        """Add the numbers of another tally."""
        self.records += other.records
        self.indexed += other.indexed
        self.duplicates += other.duplicates
        self.dead_letters += other.dead_letters
        self.filtered += other.filtered


@dataclass(slots=True)
class IndexBatch:
    """A contiguous run of one shard's records.

    `undecoded` are records that could not be made into documents. `filtered` counts records that were left out on
    purpose. `pending` are the documents whose outcome is not known yet.
    """

    records: list[Record] = field(default_factory=list)
    documents: list[Entry] = field(default_factory=list)
    undecoded: list[tuple[Record, Rejected]] = field(default_factory=list)
    filtered: int = 0
    pending: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> Position:
        """The position of the last record."""
        return self.records[-1].position

    def after(self, position: Position) -> Sequence[Record]:
        """Return the records after a position."""
        return self.records[bisect_right(self.records, position, key=position_of) :]

    def forget_settled(self) -> None:
        """Remove the documents from `pending` whose outcome is known."""
        self.pending = [entry for entry in self.pending if entry.outcome is None]

    def reconsider(self) -> None:
        """Make the rejected documents pending again: the cause may be gone."""
        self.pending = [entry for entry in self.documents if entry.outcome is Outcome.REJECTED]
        for entry in self.pending:
            entry.outcome = entry.rejected = None

    def dead(self) -> list[tuple[Record, Rejected]]:
        """List each record that cannot be delivered once, in order, with its first reason."""
        found = {id(record): (record, rejected) for record, rejected in self.undecoded}
        for entry in self.documents:
            if entry.rejected:
                found.setdefault(id(entry.record), (entry.record, entry.rejected))
        return sorted(found.values(), key=lambda one: one[0].position)

    def tally(self) -> Tally:
        """Count the records by outcome, once nothing is pending."""
        if len(self.documents) + len(self.undecoded) + self.filtered == len(self.records):
            fates = Counter([entry.outcome for entry in self.documents])  # one document per record
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
