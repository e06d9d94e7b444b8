"""The existing table in the database, compared with the table file."""

from typing import NamedTuple

from consumers.redshift.database import Database
from consumers.redshift.names import Names, literal
from consumers.redshift.table import Column, Table
from consumers.redshift.types import ColumnType, WrongType, grows, type_of
from consumers.waiting import Unavailable


class StandingColumn(NamedTuple):
    """A column in the database. `kind` is None if its type cannot be named in a table file."""

    name: str
    kind: ColumnType | None
    required: bool


def standing(database: Database, names: Names) -> dict[str, StandingColumn]:
    """Read the table's columns. The result is empty if there is no such table."""
    query = (
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a "
        "JOIN pg_class c ON a.attrelid = c.oid JOIN pg_namespace n ON c.relnamespace = n.oid "
        f"WHERE n.nspname = {literal(names.schema)} AND c.relname = {literal(names.table)} "
        "AND a.attnum > 0 AND NOT a.attisdropped"
    )
    return {str(name): StandingColumn(str(name), _kind(str(text)), bool(required)) for name, text, required in
            database.ask(query)}  # fmt: skip


def insist_on_table(database: Database, names: Names, table: Table) -> None:
    """Check that the database's table can hold all rows of the table file.

    Raises:
        Unavailable: the table is behind, and an operator must upgrade it.
    """
    there = standing(database, names)
    for column in table.columns:
        problem = _behind(column, there.get(column.name))
        if problem:
            reason = f"{names.target} is behind version {table.version} of the table: column {column.name} {problem}"
            raise Unavailable(reason, "bring it up: kinesis-fleet redshift-ddl --apply FILE", operator=True)
    strange = [one.name for one in there.values() if one.required and one.name not in table.names]
    if strange:
        reason = f"{names.target} insists on {', '.join(strange[:5])}, and version {table.version} has no such columns"
        raise Unavailable(reason, "let them be NULL in the database, or add them to the table file", operator=True)


def _behind(column: Column, there: StandingColumn | None) -> str | None:
    if there is None:
        return "is missing"
    if there.kind == column.kind or (there.kind and grows(column.kind, there.kind)):
        return "may not be NULL there" if there.required and column.null else None
    return f"is {there.kind or 'of another type'}, and not {column.kind}"


def _kind(text: str) -> ColumnType | None:
    try:
        return type_of(text)
    except WrongType:
        return None
