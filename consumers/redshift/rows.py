"""Turns a record into the lines that COPY reads, one per row, or into the reason why not. Pure, and never raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Document, Rejected
from consumers.documents.nesting import TooMany
from consumers.documents.paths import Budget, Path, path_of, values_at
from consumers.letters.condemned import CONDEMNED
from consumers.records import Position, Record
from consumers.redshift.semistructured import MOST_LINE_BYTES
from consumers.redshift.table import EXACT, POSITIONAL, Column, Table
from consumers.redshift.unfit import Unfit
from consumers.redshift.values import Convert, Several, converter, settled

_TWO = 2
_TOO_MANY = Rejected("too_many_values", "a column is to be looked for in a list of too many values")
_encode = msgspec.json.Encoder().encode
_FLOATS: frozenset[type] = frozenset({float})
_ANY_WITH_FLOATS: frozenset[type] = frozenset({float, dict, list, Several})
_LEADS_ON: frozenset[type] = frozenset({list, Raw})
_ZEROS: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(("varchar", "char", "super"), frozenset({int})),
    **dict.fromkeys(("real", "double precision"), _FLOATS),
}


@dataclass(frozen=True, slots=True)
class _Source:
    """How to make one column: where its value is, and how it is converted.

    `lossy` are the types of values that may have lost digits that the column keeps. `zeros` are those of which a zero
    may have lost its sign, or may be a rounded small number.
    """

    name: str
    key: str
    path: Path
    convert: Convert
    required: bool
    of_record: bool
    lossy: frozenset[type]
    zeros: frozenset[type]

    def find(self, fields: dict[str, Any], budget: Budget) -> Any:  # noqa: ANN401 - JSON
        """Return the value at the path in a document, or None."""
        if not self.path:
            return fields.get(self.key)
        if len(self.path) == _TWO and self.key not in fields:  # the usual case
            holder = fields.get(self.path[0])
            if type(holder) is dict:
                return holder.get(self.path[1])
            if type(holder) not in _LEADS_ON:
                return None
        found = [value for value in map(settled, values_at(fields, self.path, budget)) if value is not None]
        return Several(found) if len(found) > 1 else found[0] if found else None


def _source(column: Column) -> _Source:
    path, kind, of_record = path_of(column.path), column.kind.name, column.path in POSITIONAL
    lossy = _ANY_WITH_FLOATS if kind == "super" else _FLOATS if kind in EXACT else frozenset[type]()
    return _Source(
        column.name,
        column.path,
        path if len(path) > 1 else (),
        converter(column),
        not column.null,
        of_record,
        lossy,
        _ZEROS.get(kind, frozenset()),
    )


@dataclass(slots=True)
class RowMaker:
    """Makes the rows of one shard. `condemned` maps positions of records that must not be processed to the reason."""

    stream: str
    shard: str
    table: Table
    limits: Limits
    condemned: Mapping[Position, str] = field(default_factory=dict)
    _sources: list[_Source] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sources += map(_source, self.table.columns)

    def condemn(self, condemned: Mapping[Position, str]) -> None:
        """Set the records that must not be processed from now on."""
        self.condemned = condemned

    def judge(self, record: Record) -> tuple[bytes, ...] | Rejected:
        """Return a line for each of the record's documents. A record fails as a whole."""
        if self.condemned and (reason := self.condemned.get(record.position)):
            return CONDEMNED[reason]
        decoded = decode(record.payload, self.limits)
        if isinstance(decoded, Rejected):
            return decoded
        lines, budget = [], Budget()
        for number, document in enumerate(decoded.documents):
            try:
                line = self._line(record, number, document, budget)
            except TooMany:
                return _TOO_MANY
            if isinstance(line, Rejected):
                return line
            lines.append(line)
        return tuple(lines)

    def _line(self, record: Record, number: int, document: Document, budget: Budget) -> bytes | Rejected:
        row: dict[str, Any] = {}
        fields, of_record = document.fields, self._of_record(record, number)
        written: dict[str, Any] | None = None
        for source in self._sources:
            if source.of_record:
                value = of_record[source.key]
            else:
                value = source.find(fields, budget) if source.path else fields.get(source.key)
                kind = type(value)
                if kind in source.lossy or (kind in source.zeros and not value):
                    written = written or document.opened()
                    value = settled(source.find(written, budget))
                elif kind is Raw:
                    value = settled(value)
            if value is not None:
                try:
                    value = source.convert(value)
                except Unfit as fault:
                    return Rejected(fault.reason, f"column {source.name}: the value {fault}")
            if value is not None:
                row[source.name] = value
            elif source.required:
                whose = "record" if source.of_record else "document"
                return Rejected("missing", f"column {source.name}: the {whose} has no {source.key}")
        line = _encode(row) + b"\n"
        if len(line) > MOST_LINE_BYTES:
            return Rejected("row_too_large", f"the row has {len(line)} bytes, and COPY takes {MOST_LINE_BYTES}")
        return line

    def _of_record(self, record: Record, number: int) -> dict[str, Any]:
        """Return the values of the names that begin with `$`. They take precedence over a document's fields."""
        return {
            "$stream": self.stream,
            "$shard": self.shard,
            "$sequence": record.sequence_number,
            "$sub": record.sub_sequence_number,
            "$document": number,
            "$arrival": record.arrival_ms,
            "$partitionKey": record.partition_key,
        }
