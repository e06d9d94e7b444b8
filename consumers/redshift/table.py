"""The table file, which alone defines a table's columns and which fields of an event they hold. Pure.

version = 1
name = "player_events"

[[columns]]
name = "session_id"
from = "sessionId"
type = "varchar(128)"
null = false
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from consumers.config.unseen import unseen_in
from consumers.documents.paths import path_of
from consumers.redshift.identifiers import SYSTEM_COLUMNS
from consumers.redshift.types import ColumnType, WrongType, type_of
from consumers.undecodable import UNDECODABLE

POSITIONAL = frozenset({"$stream", "$shard", "$sequence", "$sub", "$document", "$arrival", "$partitionKey"})
"""The values of the record that a column may hold, instead of a field of the document."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,126}", re.ASCII)
_MOST_COLUMNS = 1600
_LONGEST_TABLE = 127 - len("_ledger")
_TEXTUAL = frozenset({"varchar", "char"})
_ROUNDING = frozenset({"smallint", "integer", "bigint", "decimal", "timestamp", "timestamptz", "date"})
EXACT = _ROUNDING | _TEXTUAL | {"super"}
"""The types that keep each digit of a number: digits they cannot hold are refused, or rounded on request."""


class WrongTable(ValueError):
    """The table file cannot be used. The message names the column and says what to write."""

    exit_code = 78


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """One column of a table.

    `source` is a path in the document, such as `payload.live`, or one of the names that begin with `$`; by default the
    column's own name. `null` admits a missing value. No value is changed to fit unless one of these is set: `truncate`
    cuts a text at its number of bytes, `round` drops digits that the type cannot hold, and `unfit = "null"` replaces
    whatever does not fit by NULL. `epoch` is the unit of a time that is a number.
    """

    name: str
    type: str
    source: str = ""
    null: bool = True
    truncate: bool = False
    round: bool = False
    unfit: Literal["reject", "null"] = "reject"
    epoch: Literal["ms", "s"] = "ms"
    encode: str = ""

    @property
    def path(self) -> str:
        """The path of the value."""
        return self.source or self.name

    @property
    def kind(self) -> ColumnType:
        """The parsed type."""
        return type_of(self.type)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a table. `version` grows with each change of the file; rows record their version."""

    version: Annotated[int, Meta(ge=1, le=999_999)]
    name: str
    columns: tuple[Column, ...]
    distkey: str = ""
    sortkey: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def canonical(self) -> bytes:
        """Return the table as JSON: equal tables give equal bytes."""
        return msgspec.json.encode(self)


def parse_table(text: str) -> Table:
    """Parse a table file.

    Raises:
        WrongTable: it is no TOML, or a column is not possible.
    """
    try:
        table = msgspec.convert(tomllib.loads(text), Table)
    except tomllib.TOMLDecodeError as fault:
        message = f"is no TOML: {fault}"
        raise WrongTable(message) from fault
    except msgspec.ValidationError as fault:
        message = f"is no table: {fault}. See the table file in docs/redshift.md"
        raise WrongTable(message) from fault
    problem = next(_faults(table), None)
    if problem:
        raise WrongTable(problem)
    return table


def read_table(stored: bytes) -> Table:
    """Parse the output of `canonical`.

    Raises:
        WrongTable: it is something else.
    """
    try:
        return msgspec.json.decode(stored, type=Table)
    except UNDECODABLE as fault:
        message = f"is no stored table: {fault}"
        raise WrongTable(message) from fault


def _faults(table: Table) -> Iterator[str]:
    if len(table.name) > _LONGEST_TABLE:
        yield f"name {table.name[:60]!r}...: names end after 127 characters, and _ledger is to follow. Shorten it"
    if not _NAME.fullmatch(table.name):
        yield f"name {table.name[:60]!r}: write lower-case letters, digits and _"
    if not 1 <= len(table.columns) <= _MOST_COLUMNS:
        yield f"it has {len(table.columns)} columns. Give 1 to {_MOST_COLUMNS}"
    for name in sorted({name for name in table.names if table.names.count(name) > 1}):
        yield f"column {name} stands there twice. Rename one"
    for name in (table.distkey, *table.sortkey):
        if name and name not in table.names:
            yield f"the key column {name} is none of its columns. Correct distkey or sortkey"
    for column in table.columns:
        if column.name in {table.distkey, *table.sortkey} and column.type.strip().lower() == "super":
            yield f"column {column.name}: super can be no key. Correct distkey or sortkey"
    for column in table.columns:
        yield from (f"column {column.name[:60]}: {problem}" for problem in _column_faults(column))


def _name_faults(name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "write its name in lower-case letters, digits and _"
    if name in SYSTEM_COLUMNS:
        yield f"the database has a column of that name in each table. Give another one, and from = {name}"


def _column_faults(column: Column) -> Iterator[str]:
    yield from _name_faults(column.name)
    try:
        kind = column.kind.name
    except WrongType as fault:
        yield str(fault)
        return
    if column.path.startswith("$") and column.path not in POSITIONAL:
        names = ", ".join(sorted(POSITIONAL))
        yield f"from = {column.path[:60]!r} is not known. Give a field's path, or one of {names}"
    if column.path == "$arrival" and column.epoch != "ms":
        yield "$arrival is in milliseconds. Leave epoch out"
    if found := unseen_in(column.path):
        yield f"from has the invisible character {found}. Type it anew"
    try:
        path_of(column.path)
    except ValueError as fault:
        yield f"from: {str(fault)[:80]}. Write names with dots between them"
    if column.truncate and kind not in _TEXTUAL:
        yield "truncate is for varchar and char. Leave it out"
    if column.round and kind not in _ROUNDING:
        yield "round is for integers, decimals and times. Leave it out"
    if column.unfit == "null" and not column.null:
        yield 'unfit = "null" contradicts null = false. Leave one out'
    if not re.fullmatch(r"[a-z0-9]*", column.encode):
        yield "encode is no compression's name, such as az64 or zstd"
