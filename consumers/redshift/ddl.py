"""The statements that create the tables, and those that upgrade an existing table to its file. Pure."""

from collections.abc import Iterator, Mapping

from consumers.redshift.identifiers import identifier
from consumers.redshift.ledger import COLUMNS
from consumers.redshift.names import Names
from consumers.redshift.standing import StandingColumn
from consumers.redshift.table import Column, Table
from consumers.redshift.types import grows


class NoStep(ValueError):
    """The table cannot be upgraded in place. The message names the column and an alternative."""

    exit_code = 78


def creation(names: Names, table: Table) -> Iterator[str]:
    """Yield the statements that create everything. Each may be repeated."""
    columns = ",\n  ".join(_definition(column) for column in table.columns)
    keys = f"\nDISTKEY ({identifier(table.distkey)})" if table.distkey else ""
    keys += f"\nCOMPOUND SORTKEY ({', '.join(map(identifier, table.sortkey))})" if table.sortkey else ""
    yield f"CREATE TABLE IF NOT EXISTS {names.target} (\n  {columns}\n){keys}"
    yield from beside(names)


def beside(names: Names) -> Iterator[str]:
    """Yield the statements that create the lock, the ledger and the view."""
    yield f"CREATE TABLE IF NOT EXISTS {names.lock} (turn bigint NOT NULL) DISTSTYLE ALL"
    yield f"INSERT INTO {names.lock} SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM {names.lock})"
    ledger = ",\n  ".join(f"{name} {kind.upper()}" for name, kind in COLUMNS)
    yield f"CREATE TABLE IF NOT EXISTS {names.ledger} (\n  {ledger}\n)\nCOMPOUND SORTKEY (arrival_hour)"
    yield (
        f"CREATE OR REPLACE VIEW {names.hours} AS\n"
        "SELECT arrival_hour, status, COUNT(*) AS objects, SUM(records) AS records, SUM(row_count) AS row_count,\n"
        "  SUM(rejected) AS rejected, MIN(loaded_at) AS first_loaded_at, MAX(loaded_at) AS last_loaded_at,\n"
        "  MAX(loaded_at - last_arrival) AS latest\n"
        f"FROM {names.ledger} GROUP BY arrival_hour, status"
    )


def grants(names: Names, user: str, idle_s: int) -> Iterator[str]:
    """Yield the loader's grants, and the idle timeout of its sessions, which releases the lock of a dead loader."""
    user = identifier(user)
    yield f"GRANT USAGE ON SCHEMA {identifier(names.schema)} TO {user}"
    yield f"GRANT INSERT, SELECT ON {names.target} TO {user}"
    yield f"GRANT SELECT, INSERT, DELETE ON {names.ledger} TO {user}"
    yield f"GRANT SELECT, UPDATE ON {names.lock} TO {user}"
    yield f"ALTER USER {user} SESSION TIMEOUT {max(idle_s, 60)}"


def steps(names: Names, table: Table, there: Mapping[str, StandingColumn]) -> Iterator[str]:
    """Yield the statements that the existing table lacks, each to be run alone; all of them, if there is no table.

    Raises:
        NoStep: a column would have to change in a way that Redshift has no statement for.
    """
    if not there:
        yield from creation(names, table)
        return
    for column in table.columns:
        standing = there.get(column.name)
        if standing is None:
            if not column.null:
                message = f"column {column.name}: a new column must admit NULL, as the rows before it have none"
                raise NoStep(message)
            yield f"ALTER TABLE {names.target} ADD COLUMN {_definition(column)}"
        elif standing.kind is not None and grows(standing.kind, column.kind):
            yield f"ALTER TABLE {names.target} ALTER COLUMN {identifier(column.name)} TYPE {str(column.kind).upper()}"
        elif standing.kind != column.kind and not (standing.kind and grows(column.kind, standing.kind)):
            message = (
                f"column {column.name} is {standing.kind or 'of another type'}, and {column.kind} in the file: add a "
                "column of another name, and let reports take both"
            )
            raise NoStep(message)
        elif standing.required and column.null:
            message = f"column {column.name} is NOT NULL: Redshift cannot take that back. Keep null = false"
            raise NoStep(message)


def _definition(column: Column) -> str:
    encode = f" ENCODE {column.encode.upper()}" if column.encode else ""
    return f"{identifier(column.name)} {str(column.kind).upper()}{encode}{'' if column.null else ' NOT NULL'}"


def script(statements: Iterator[str]) -> str:
    """Return the statements as a script, to read or to run."""
    return "".join(f"{statement};\n\n" for statement in statements).rstrip() + "\n"
