"""Compares an index and its dead letters with what was put: each record has one outcome.

The producer knows which records are events. The audit does not use how the consumer reads a payload.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from consumers.local.ledger import Ledger, sha256_of
from consumers.local.letters_audit import LetterAudit, LetteredVerdict
from consumers.local.matching import Place, written
from consumers.local.searching import Searched
from consumers.local.simulator import Kind, escaped
from consumers.local.sink import Figures


class IndexVerdict(LetteredVerdict, kw_only=True):
    """The result of an audit."""

    documents: int = 0
    search: Searched | None = None

    def figures(self) -> Iterator[Figures]:
        """Return the tables for people."""
        yield Figures("the index", [("documents", f"{self.documents:,}"), *self.counts(), *self.repeats()])
        if self.reasons:
            yield Figures("dead letters by reason", [(name, f"{count:,}") for name, count in self.reasons.items()])
        if self.search is not None:
            yield from self.search.figures()


class IndexAudit(LetterAudit):
    """Compares documents and dead letters, in any order, and returns the verdict at the end."""

    def __init__(self, ledger: Ledger, stream: str) -> None:
        """Expect the entries of ``ledger``, which belong to ``stream``."""
        self._verdict = IndexVerdict()
        super().__init__(ledger, stream, self._verdict)

    def document(self, index: str, identity: str, source: Mapping[str, Any]) -> None:
        """Compare a document with the record that its id names: it must have the fields put, in their order."""
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
            self.misplace(place, f"garbage is a document in {index}")
        elif entry.sha256 != sha256_of(put):
            self.alter(f"{written(place)} in {index}")

    def finish(self, search: Searched | None) -> IndexVerdict:
        """Count the records that were never seen, and return the verdict with the result of a search."""
        self.close()
        self._verdict.search = search
        return self._verdict

    def _place(self, identity: str) -> Place | None:
        """Parse STREAM:SHARD:SEQUENCE:SUB. No further part may follow, since each record is one document at most."""
        stream, *rest = identity.split(":")
        match rest:
            case [shard, sequence, sub] if stream == self._stream and sequence.isdecimal() and sub.isdecimal():
                return shard, int(sequence), int(sub)
        return None
