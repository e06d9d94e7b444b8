"""The stand-in refuses what Redshift has not, and has what the loader relies on."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumers.local.redshift import wire
from consumers.local.redshift.sql import adapted, denied, kind_of
from consumers.local.redshift.warehouse import Warehouse
from consumers.redshift.database import Away, Conflict, Database, Refused
from consumers.redshift.transaction import Step
from consumers.redshift.types import type_of
from consumers.redshift.values import TYPES
from tests.conftest import empty_bucket
from tests.support.servers import Server
from tests.support.warehouse import Place, records

TYPED = {
    "smallint": (b"-32768", "-32768"),
    "integer": (b'"2147483647"', "2147483647"),
    "bigint": (b"9223372036854775807", "9223372036854775807"),
    "decimal(38,20)": (b"123456789012345678.12345678901234567890", "123456789012345678.12345678901234567890"),
    "real": (b"0.5", "0.5"),
    "double precision": (b"0.1234567890123456789", "0.12345678901234568"),
    "boolean": (b"false", "false"),
    "varchar(40)": (b"1.10", "1.10"),
    "char(40)": (b"18446744073709551615", "18446744073709551615"),
    "date": (b'"2026-11-27"', "2026-11-27"),
    "timestamp": (b"1764244800123.5", "2025-11-27 12:00:00.1235"),
    "timestamptz": (b'"1764244800123"', "2025-11-27 12:00:00.123+00"),
    "super": (
        b'{"price": 0.1234567890123456789, "amount": 1.10, "id": 18446744073709551615, "\\\\u0000": [null, "\\t"]}',
        '{"id": 18446744073709551615, "price": 0.1234567890123456789, "\\\\u0000": [null, "\\t"], "amount": 1.10}',
    ),
}
"""A value of each type as a producer writes it, and as the database shows it."""


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("INSERT INTO t VALUES (1) RETURNING id", "RETURNING"),
        ("insert into t values (1) on conflict do nothing", "ON CONFLICT"),
        ("SELECT pg_advisory_lock(1)", "advisory locks"),
        ("SELECT * FROM t FOR UPDATE", "row locks"),
        ("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX"),
        ("CREATE TABLE t (a jsonb)", "types that only PostgreSQL has"),
        ("SAVEPOINT a", "savepoints"),
        ("LOCK TABLE t IN EXCLUSIVE MODE", "a lock's mode"),
        ("SELECT COUNT(*) FILTER (WHERE a) FROM t", "clauses that only PostgreSQL has"),
    ],
)
def test_denied(sql: str, what: str) -> None:
    """What PostgreSQL takes and Redshift has not is named, whatever its case."""
    assert denied(sql) == what


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'on conflict, returning, for update'",
        'SELECT "returning" FROM t -- for update',
        "LOCK public.t",
        "COPY t FROM 's3://b/k' IAM_ROLE default MANIFEST GZIP JSON 'auto'",
        "ALTER TABLE t ADD COLUMN a SUPER",
        "SELECT COUNT(*) FROM t WHERE filter = 1",
    ],
)
def test_not_denied(sql: str) -> None:
    """Words within texts, names and comments are no clauses."""
    assert denied(sql) is None


def test_statements_are_read() -> None:
    """A statement is known by its first word, past comments; keys of tables bind nothing, as in Redshift."""
    assert [kind_of(sql) for sql in ("/* a */ copy t", "END", "-- x\nLOCK t", "vacuum")] == [
        "copy",
        "commit",
        "lock",
        "other",
    ]
    made = adapted("CREATE TABLE t (a int ENCODE az64, b varchar(9), PRIMARY KEY (a)) DISTKEY (a) COMPOUND SORTKEY (b)")
    assert not {"encode", "distkey", "sortkey", "primary"} & set(made.lower().replace("(", " ").split())


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """A session."""
    with closing(place.connect()) as session:
        yield session


def test_a_denied_statement_ends_the_transaction(database: Database) -> None:
    """It is refused as Redshift would, and the session goes on."""
    with pytest.raises(Refused, match="does not support RETURNING"):
        database.alter("INSERT INTO events_lock VALUES (1) RETURNING turn")
    assert database.ask("SELECT 1")


def test_lock_sees_what_was_committed_before_it(place: Place) -> None:
    """LOCK takes no snapshot: the first statement after it sees what the one before committed."""
    with closing(place.connect()) as first, closing(place.connect()) as second:
        second.ask("SELECT 1")
        first.alter("BEGIN")
        first.alter(f"LOCK {place.names.lock}")
        first.alter(f"UPDATE {place.names.lock} SET turn = 41")
        second.alter("BEGIN")
        first.alter("COMMIT")
        second.alter(f"LOCK {place.names.lock}")
        assert second.ask(f"SELECT turn FROM {place.names.lock}") == [(41,)]


def test_an_older_snapshot_is_a_conflict(place: Place) -> None:
    """A transaction that looked before it had the lock fails with 1023 where it changes the lock's row."""
    with closing(place.connect()) as first, closing(place.connect()) as second:
        second.alter("BEGIN")
        second.ask("SELECT COUNT(*) FROM events_ledger")
        first.transact((Step("fence", f"UPDATE {place.names.lock} SET turn = turn + 1"),), "t")
        with pytest.raises((Conflict, Refused), match="another transaction"):
            second.alter(f"UPDATE {place.names.lock} SET turn = turn + 1")


def test_alter_column_stands_alone(database: Database, place: Place) -> None:
    """Within a transaction it is refused, as Redshift does."""
    database.alter("BEGIN")
    with pytest.raises(Refused, match="cannot run inside a transaction block"):
        database.alter(f"ALTER TABLE {place.names.target} ALTER COLUMN session TYPE varchar(99)")


def test_a_wrong_password_is_refused(place: Place) -> None:
    """And the remedy says which keys are meant."""
    (place.folder / "password").write_text("wrong")
    with pytest.raises(Away, match="28000") as refused, closing(place.connect()) as session:
        session.ask("SELECT 1")
    assert "redshift.user" in refused.value.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [("CSV", "CSV"), ("MAXERROR 5", "MAXERROR"), ("IGNOREALLERRORS", "IGNOREALLERRORS"), ("NOLOAD", "NOLOAD")],
)
def test_copy_knows_its_limits(database: Database, options: str, words: str) -> None:
    """What of COPY is not emulated is refused, and never passed over."""
    with pytest.raises(Refused, match=f"(?i){words}"):
        database.alter(f"COPY events FROM 's3://b/k' IAM_ROLE default MANIFEST GZIP JSON 'auto' {options}")


def test_each_type_is_loaded_with_its_digits(aws: Server, house: Warehouse, tmp_path: Path) -> None:
    """The stand-in loads every type that a table file may name, and what was sent is what the table shows."""
    assert {type_of(text).name for text in TYPED} == TYPES.keys()
    columns = [f'[[columns]]\nname = "c{at}"\ntype = "{kind}"\n' for at, kind in enumerate(TYPED)]
    empty_bucket(aws)
    place = Place(aws, house, tmp_path, 'version = 1\nname = "events"\n' + "".join(columns))
    place.create()
    fields = b",".join(b'"c%d":%b' % (at, value) for at, (value, _) in enumerate(TYPED.values()))
    place.stage(records([b"{%b}" % fields, b'{"c12":null}']))
    place.work(place.loader())
    shown = ", ".join(f"c{at}::varchar" for at in range(len(TYPED)))
    rows = place.ask(f"SELECT {shown} FROM public.events ORDER BY c0")
    assert [list(row) for row in rows] == [[text for _, text in TYPED.values()], [None] * len(TYPED)]
    house.cut()


def test_a_long_answer_does_not_wait_for_the_sync_that_waits_for_it(place: Place) -> None:
    """A client whose Sync comes late gets its rows, and the end of them: PostgreSQL holds back the last 8 KiB."""
    with socket.create_connection((place.house.host, place.house.port), timeout=60) as client:
        client.sendall(wire.start_up({"user": "rs", "database": "dev"}))
        _, asked = wire.read_message(client)
        inner = hashlib.md5(f"{place.house.password}rs".encode()).hexdigest()  # noqa: S324 - the protocol's
        word = hashlib.md5(inner.encode() + asked[4:]).hexdigest()  # noqa: S324 - the same
        client.sendall(wire.message(b"p", f"md5{word}\0".encode()))
        until(client, b"Z")
        sql = b"SELECT repeat('x', 500) FROM generate_series(1, 100)"
        parse = wire.message(b"P", b"\0" + sql + b"\0" + wire.SHORT.pack(0))
        bind = wire.message(b"B", b"\0\0" + wire.SHORT.pack(0) * 3)
        client.sendall(parse + bind + wire.message(b"E", b"\0" + wire.INT.pack(0)))
        assert until(client, b"C").count(b"D") == 100
        client.sendall(wire.message(b"S"))
        until(client, b"Z")


def until(client: socket.socket, last: bytes) -> list[bytes]:
    """Read messages up to this one; their codes."""
    codes = []
    while last not in codes:
        codes.append(wire.read_message(client)[0])
        assert codes[-1] != b"E"
    return codes
