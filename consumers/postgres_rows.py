"""PostgreSQL: each record becomes one row. The primary key is its position, so a repeated insert changes nothing."""

from collections.abc import Sequence
from typing import Annotated

import psycopg
from msgspec import Meta
from psycopg.sql import SQL, Composed, Identifier

from consumers.concern import ConcernSettings, Outbox, Unavailable, concern
from consumers.records import Record

Row = tuple[object, ...]
_REFUSED = (psycopg.DataError, psycopg.IntegrityError)
_LOOK = SQL("SELECT shard, sequence, sub, arrival_ms, partition_key, payload FROM {} LIMIT 0")
_INSERT = SQL(
    "INSERT INTO {} (shard, sequence, sub, arrival_ms, partition_key, payload) VALUES (%s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (shard, sequence, sub) DO NOTHING"
)


class PostgresSettings(ConcernSettings, frozen=True, kw_only=True, rename="camel"):
    """The keys `postgres.*`. The password is kept in libpq's own file, which PGPASSFILE names."""

    connection: Annotated[str, Meta(min_length=1, description="Give libpq's connection string", examples=["host=db"])]
    table: Annotated[str, Meta(pattern=r"^\w{1,63}(\.\w{1,63})?$", description="Give it by schema.name")] = "events"
    request_seconds: Annotated[float, Meta(ge=1, le=300, description="Give a statement's seconds, 1 to 300")] = 30.0


class Table:
    """Inserts a batch in one transaction, or, where the server refuses a row, each row in a transaction of its own."""

    def __init__(self, postgres: PostgresSettings) -> None:
        """Store the settings. The connection is made at the first use."""
        self._postgres = postgres
        self._name = Identifier(*postgres.table.split("."))
        self._connection: psycopg.Connection | None = None

    def ready(self) -> None:
        """Check that the table exists."""
        self._run(_LOOK.format(self._name), [()])

    def prepare(self, record: Record) -> Row:
        """Return the record's row without its shard."""
        place = record.sequence_number, record.sub_sequence_number
        return (*place, record.arrival_ms, record.partition_key, record.payload)

    def deliver(self, outbox: Outbox[Row]) -> None:
        """Insert the pending rows, all at once if the server accepts them."""
        for run in (outbox.pending, *([item] for item in outbox.pending)):
            try:
                self._run(_INSERT.format(self._name), [(outbox.shard, *item.made) for item in run])
            except _REFUSED as fault:
                if len(run) == 1:
                    outbox.reject(run[0], "refused", f"{type(fault).__name__} {fault.sqlstate}")
            else:
                outbox.done(*run)
                if not outbox.pending:
                    break

    def _run(self, statement: Composed, rows: Sequence[Row]) -> None:
        wait_s = int(self._postgres.request_seconds)
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._postgres.connection, connect_timeout=wait_s, autocommit=True)
                self._connection.execute(f"SET statement_timeout = {wait_s * 1000}")
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(statement, rows)
        except psycopg.Error as fault:
            if isinstance(fault, _REFUSED):
                raise
            self._connection = None
            reason, asks = f"{type(fault).__name__} {fault.sqlstate}", isinstance(fault, psycopg.ProgrammingError)
            raise Unavailable(reason, "look at the server, and at postgres.table", operator=asks) from fault


POSTGRES_ROWS = concern("postgres_rows", "postgres", PostgresSettings, Table)
