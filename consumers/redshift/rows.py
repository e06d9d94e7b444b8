"""From a record to the lines that COPY reads, one row each, or to the reason why not. Pure, and never raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Document, Rejected
from consumers.letters.condemned import CONDEMNED
from consumers.records import Position, Record
from consumers.redshift.table import EXACT, Table
from consumers.redshift.values import Convert, Unfit, converter

MOST_LINE_BYTES = 4 << 20
"""The longest row that COPY reads (Amazon Redshift Database Developer Guide, "COPY from Amazon S3", 4 MB)."""

_encode = msgspec.json.Encoder().encode
_NEARLY_ZERO = Decimal("1e-999")


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits) or Decimal(0)  # a zero's exponent may be of any size
    except InvalidOperation:  # the exponent's own digits are more than there are places
        return _NEARLY_ZERO


_decode_exactly = msgspec.json.Decoder(float_hook=_number).decode


@dataclass(frozen=True, slots=True)
class _Source:
    """How to make one column: where its value is, and what becomes of it."""

    name: str
    path: tuple[str, ...]
    convert: Convert
    required: bool
    exact: bool


@dataclass(slots=True)
class RowMaker:
    """Makes the rows of one shard. `condemned` are the positions of records that must not be tried, and what for."""

    stream: str
    shard: str
    table: Table
    limits: Limits
    condemned: Mapping[Position, str] = field(default_factory=dict)
    _sources: list[_Source] = field(default_factory=list)

    def __post_init__(self) -> None:
        for column in self.table.columns:
            path, exact = tuple(column.path.split(".")), column.kind.name in EXACT
            self._sources.append(_Source(column.name, path, converter(column), not column.null, exact))

    def judge(self, record: Record) -> tuple[bytes, ...] | Rejected:
        """Give a line for each of the record's documents. A record fails as a whole."""
        if self.condemned and (reason := self.condemned.get(record.position)):
            return CONDEMNED[reason]
        decoded = decode(record.payload, self.limits)
        if isinstance(decoded, Rejected):
            return decoded
        lines = []
        for number, document in enumerate(decoded.documents):
            line = self._line(record, number, document)
            if isinstance(line, Rejected):
                return line
            lines.append(line)
        return tuple(lines)

    def _line(self, record: Record, number: int, document: Document) -> bytes | Rejected:
        row: dict[str, Any] = {}
        fields = {**document.fields, **self._of_record(record, number)}
        for source in self._sources:
            value = _at(fields, source.path)
            if source.exact and type(value) is float:
                value = _exactly(document, source)
            if value is not None:
                try:
                    value = source.convert(value)
                except Unfit as fault:
                    return Rejected(fault.reason, f"column {source.name}: the value {fault}")
            if value is not None:
                row[source.name] = value
            elif source.required:
                whose = "record" if source.path[0].startswith("$") else "document"
                return Rejected("missing", f"column {source.name}: the {whose} has no {'.'.join(source.path)}")
        line = _encode(row) + b"\n"
        if len(line) > MOST_LINE_BYTES:
            return Rejected("row_too_large", f"the row has {len(line)} bytes, and COPY takes {MOST_LINE_BYTES}")
        return line

    def _of_record(self, record: Record, number: int) -> dict[str, Any]:
        """Give the names that begin with `$`: they stand before a document's own."""
        return {
            "$stream": self.stream,
            "$shard": self.shard,
            "$sequence": record.sequence_number,
            "$sub": record.sub_sequence_number,
            "$document": number,
            "$arrival": record.arrival_ms,
            "$partitionKey": record.partition_key,
        }


def _at(value: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    for name in path:
        if type(value) is not dict:
            return None
        value = value.get(name)
    return value


def _exactly(document: Document, source: _Source) -> Any:  # noqa: ANN401 - JSON
    """Read a fraction again as it was written: 64 bits hold 15 digits, a column up to 38."""
    return _at(_decode_exactly(document.source), source.path)
