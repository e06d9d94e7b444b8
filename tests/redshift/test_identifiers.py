"""Names that people's events have stand in every statement, also those that mean something to SQL."""

from pathlib import Path

import pytest

from consumers.local.redshift.warehouse import Warehouse
from consumers.redshift.ddl import grants, script, steps
from consumers.redshift.identifiers import RESERVED, identifier
from consumers.redshift.names import Names
from consumers.redshift.standing import standing
from consumers.redshift.table import parse_table
from consumers.redshift.transaction import Copy, copy_statement
from tests.conftest import empty_bucket
from tests.support.servers import Server
from tests.support.warehouse import Place, records

USERS = ("kinesis-loader", "first.last", "IAMR:fleet-role", "LoaderUser", "svc@example.com", "user", 'a"b')


def _table(names: list[str], name: str = "order") -> str:
    keys = f'distkey = "{names[0]}"\nsortkey = ["{names[1]}"]\n'
    columns = "".join(f'[[columns]]\nname = "{one}"\ntype = "varchar(64)"\n' for one in names)
    sequence = '[[columns]]\nname = "sequence_number"\nfrom = "$sequence"\ntype = "varchar(64)"\nnull = false\n'
    return f'version = 1\nname = "{name}"\n{keys}{columns}{sequence}'


@pytest.fixture
def place(aws: Server, house: Warehouse, tmp_path: Path) -> Place:
    """A table called `order`, with a column for each reserved word of Redshift."""
    empty_bucket(aws)
    return Place(aws, house, tmp_path, _table(sorted(RESERVED)))


def test_a_column_may_have_the_name_of_each_reserved_word(place: Place) -> None:
    """The table is made, brought up, filled by COPY and read, and each value stands in the column of its name."""
    place.create()
    database = place.connect()
    assert not list(steps(place.names, parse_table(_table(sorted(RESERVED))), standing(database, place.names)))
    wider = _table(sorted(RESERVED)).replace("varchar(64)", "varchar(65)")
    for step in steps(place.names, parse_table(wider), standing(database, place.names)):
        database.alter(step)
    database.close()
    event = "{" + ", ".join(f'"{word}": "of {word}"' for word in RESERVED) + "}"
    place.stage(records([event.encode()]))
    place.work(place.loader())
    words = sorted(RESERVED)
    (row,) = place.ask(f"SELECT {', '.join(map(identifier, words))} FROM {place.names.target}")
    assert list(row) == [f"of {word}" for word in words]


def test_words_of_the_stand_in_are_quoted_too(place: Place) -> None:
    """What its own SQL reserves, or takes for a type or a function, is a word in Redshift's too, or harmless."""
    reserved = place.ask("SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'")
    assert [word for (word,) in reserved if identifier(word) == word] == []


@pytest.mark.parametrize("schema", ["public", "user", "group"])
def test_a_table_and_a_schema_may_be_called_so(schema: str) -> None:
    """Each part of the name is quoted by itself."""
    names = Names(schema, "end", "bucket", "staged")
    quoted = identifier(schema)
    assert (names.target, names.ledger) == (f'{quoted}."end"', f"{quoted}.end_ledger")
    copy = Copy("s3://bucket/m", ("user", "session"), "default", "", 60)
    assert copy_statement(names, copy).startswith(f'COPY {quoted}."end" ("user", session) FROM ')


@pytest.mark.parametrize("user", USERS)
def test_a_grant_names_its_user(place: Place, user: str) -> None:
    """What is printed for an administrator runs as it stands."""
    place.create()
    database = place.connect()
    exists = database.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{user}'")
    if not exists:
        database.alter(f"CREATE ROLE {identifier(user)}")
    *granted, session = grants(place.names, user, 60)
    for statement in granted:
        database.alter(statement)
    assert session == f"ALTER USER {identifier(user)} SESSION TIMEOUT 60"
    assert script(iter(granted)).count(f"TO {identifier(user)};") == len(granted)
    database.close()
