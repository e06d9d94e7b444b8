"""Compares an index and its dead letters with what was put: one fate for each record.

It knows from the producer which records are events. How the consumer reads a payload is no part of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import field

from consumers.letters.letter import Letter
from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.matching import Differences, Matching, Place, written
from consumers.local.searching import Searched
from consumers.local.simulator import Kind, escaped
from consumers.local.sink import Figures


class IndexVerdict(Differences, kw_only=True):
    """The outcome of an audit."""

    documents: int = 0
    dead_letters: int = 0
    misplaced: int = 0
    """Events among the dead letters, and garbage among the documents."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Dead letters by reason."""
    search: Searched | None = None

    @property
    def good(self) -> bool:
        """Whether each event is one document, all other records are one dead letter each, and nothing else is there."""
        return self.exact and not self.misplaced

    def figures(self) -> Iterator[Figures]:
        """Give what a person reads."""
        rows = [
            ("documents", f"{self.documents:,}"),
            ("dead letters", f"{self.dead_letters:,}"),
            ("lost", f"{self.lost:,}"),
            ("duplicated", f"{self.duplicated:,}"),
            ("altered", f"{self.altered:,}"),
            ("unexpected", f"{self.unexpected:,}"),
            ("misplaced", f"{self.misplaced:,}"),
        ]
        if self.producer_repeats:
            rows.append(("put twice by a lost answer", f"{self.producer_repeats:,}"))
        yield Figures("the index", rows)
        if self.reasons:
            yield Figures("dead letters by reason", [(name, f"{count:,}") for name, count in self.reasons.items()])
        if self.search is not None:
            yield from self.search.figures()


class IndexAudit:
    """Takes documents and dead letters in any order, and gives the verdict at the end."""

    def __init__(self, ledger: Ledger, stream: str) -> None:
        """Expect the entries of ``ledger``, which are of ``stream``."""
        self._stream = stream
        self._verdict = IndexVerdict()
        self._matching = Matching(ledger, self._verdict)
        self._reasons = Counter[str]()

    def document(self, index: str, identity: str, source: Mapping[str, Any]) -> None:
        """Compare a document with the record that its id names: the fields must be those put, in their order."""
        self._verdict.documents += 1
        place = self._place(identity)
        if place is None:
            self._verdict.unexpected += 1
            self._verdict.note(f"unexpected: the document {identity} in {index} names no record")
            return
        fields = {name: value for name, value in source.items() if name != "@timestamp"}
        data = msgspec.json.encode(fields)  # as the simulator writes its events
        entry = self._matching.entry(place, index, data, escaped(data))
        if entry is None:
            return
        put = escaped(data) if entry.kind is Kind.ESCAPED else data
        if entry.kind is Kind.GARBAGE:
            self._misplace(place, f"garbage is a document in {index}")
        elif entry.sha256 != sha256_of(put):
            self._alter(f"{written(place)} in {index}")

    def letters(self, letters: Iterable[Letter]) -> None:
        """Compare dead letters, each of a position of its own, with the records that they hold."""
        for letter in letters:
            self._verdict.dead_letters += 1
            self._reasons[letter.reason] += 1
            place: Place = (letter.shard, *letter.position)
            entry = self._matching.entry(place, "the dead letters", letter.payload)
            if entry is not None:
                self._compare(place, entry, letter)

    def spoil(self, key: str, why: str) -> None:
        """Take note of dead letters that cannot be read."""
        self._alter(f"{key}: {why}")

    def finish(self, search: Searched | None) -> IndexVerdict:
        """Count what was put and never seen; add what a search found."""
        self._matching.finish()
        self._verdict.reasons = dict(self._reasons.most_common())
        self._verdict.search = search
        return self._verdict

    def _compare(self, place: Place, entry: Entry, letter: Letter) -> None:
        if letter.stream != self._stream or entry.partition_key != letter.partition_key:
            self._alter(f"{written(place)} in the dead letters, by stream or partition key")
        elif entry.sha256 != sha256_of(letter.payload):
            self._alter(f"{written(place)} in the dead letters")
        elif entry.kind is not Kind.GARBAGE:
            self._misplace(place, f"an event is a dead letter: {letter.reason}")

    def _alter(self, what: str) -> None:
        self._verdict.altered += 1
        self._verdict.note(f"altered: {what}")

    def _misplace(self, place: Place, what: str) -> None:
        self._verdict.misplaced += 1
        self._verdict.note(f"misplaced: {written(place)}: {what}")

    def _place(self, identity: str) -> Place | None:
        """Read STREAM:SHARD:SEQUENCE:SUB. Each record that is put is one document at most, so no more may follow."""
        stream, *rest = identity.split(":")
        match rest:
            case [shard, sequence, sub] if stream == self._stream and sequence.isdecimal() and sub.isdecimal():
                return shard, int(sequence), int(sub)
        return None
