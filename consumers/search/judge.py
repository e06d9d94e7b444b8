"""Turns a record into the lines of a bulk request, or into the reason why not. Pure, and never raises."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Document, Rejected
from consumers.documents.nesting import TooMany
from consumers.documents.paths import Budget
from consumers.documents.reshaping import Conflict
from consumers.letters.condemned import CONDEMNED
from consumers.records import HOUR_MS, Position, Record
from consumers.search.shape import Shape

_CONFLICT = Rejected("field_conflict", "a new name of index.rename is taken in this document")
_TOO_MANY = Rejected("too_many_values", "a field is to be looked for in a list of too many values")
_FILTERED: tuple[bytes, ...] = ()
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Judge:
    """Judges the records of one shard.

    `index_of` returns the index of an arrival hour, counted from 1970. `condemned` maps the positions of records that
    must not be processed to the reason.
    """

    stream: str
    shard: str
    index_of: Callable[[int], str]
    shape: Shape
    limits: Limits
    condemned: Mapping[Position, str] = field(default_factory=dict)
    _hour: int = -1
    _head: bytes = b""
    _as_they_are: bool = False
    _exact: bool = False

    def __post_init__(self) -> None:
        self._as_they_are = not (self.shape.changes or self.shape.filters)
        self._exact = self.shape.exact

    def condemn(self, condemned: Mapping[Position, str]) -> None:
        """Set the records that must not be processed from now on."""
        self.condemned = condemned

    def judge(self, record: Record) -> tuple[bytes, ...] | Rejected:
        """Return the action and source lines of each of the record's documents; none if all are filtered out."""
        if self.condemned and (reason := self.condemned.get(record.position)):
            return CONDEMNED[reason]
        decoded = decode(record.data or b"", self.limits)
        if isinstance(decoded, Rejected):
            return decoded
        hour = record.arrival_ms // HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._head = self._head_of(hour)
        documents = decoded.documents
        if self._as_they_are and len(documents) == 1:
            return (self._line(record, "", documents[0]),)
        return self._shaped(record, documents)

    def _shaped(self, record: Record, documents: Sequence[Document]) -> tuple[bytes, ...] | Rejected:
        lines, budget = [], Budget()
        try:
            for number, document in enumerate(documents):
                shaped = self._made_of(document, budget)
                if shaped:
                    lines.append(self._line(record, f":{number}" if number else "", shaped))
        except Conflict:
            return _CONFLICT
        except TooMany:
            return _TOO_MANY
        return tuple(lines) if lines else _FILTERED

    def _made_of(self, document: Document, budget: Budget) -> Document | None:
        """Return the document as it is indexed, or None if it is filtered out."""
        fields = document.opened() if self._exact else document.fields
        if not self.shape.passes(fields, budget):
            return None
        if not self.shape.changes:
            return document
        fields = self.shape.apply(fields, budget)
        return Document(_encode(fields), fields)

    def _head_of(self, hour: int) -> bytes:
        return f'{{"create":{{"_index":"{self.index_of(hour)}","_id":"{self.stream}:{self.shard}:'.encode()

    def _line(self, record: Record, which: str, document: Document) -> bytes:
        """Return the document's lines: its bytes unchanged, after `@timestamp` (the arrival time) if it has none."""
        source, fields = document.source, document.fields
        at = f"{record.sequence_number}:{record.sub_sequence_number}{which}"
        if "@timestamp" in fields:
            return b"".join((self._head, f'{at}"}}}}\n'.encode(), source, b"\n"))
        comma = "," if fields else ""
        return b"".join(
            (self._head, f'{at}"}}}}\n{{"@timestamp":{record.arrival_ms}{comma}'.encode(), source[1:], b"\n")
        )
