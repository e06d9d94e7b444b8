"""Rounds of the loader that come to nothing: each ends with a wait that says why, and leaves nothing behind."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from consumers.letters.keys import LetterPlace
from consumers.letters.store import DeadLetters
from consumers.redshift import loader as loading
from consumers.redshift.database import Away, Conflict, Refused, Taken, TooSlow, Unsure
from consumers.redshift.load_place import LoadPlace
from consumers.redshift.loader import Bounds, Loader
from consumers.redshift.names import Names
from consumers.redshift.session import Session, SessionAccess
from consumers.redshift.settings import layout_of
from consumers.redshift.transaction import Step
from consumers.waiting import Unavailable
from tests.support.staging import Heard, World, records

ALL = Bounds(100, 1 << 30, 0)
NAMES = Names("public", "events", "staging", "staged")


class Ledger:
    """A database whose transactions end as a test says, and whose ledger has the rows that it says."""

    def __init__(self, end: Exception | None) -> None:
        self.end = end
        self.rows: list[tuple[Any, ...]] = []
        self.stands: dict[str, int] = {}
        self.transactions = 0

    def transact(self, steps: Sequence[Step], token: str) -> None:
        if len(steps) > 2:  # a look under the lock has no more
            self.transactions += 1
            assert self.transactions < 100, "it goes round for ever"
            if isinstance(self.end, Unsure):
                self.stands[token] = 1
            if self.end:
                raise self.end

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return list(self.stands.items()) if "GROUP BY load_id" in query else self.rows

    def alter(self, statement: str) -> None:
        raise AssertionError(statement)

    def close(self) -> None:
        pass


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A shard of which one object is staged."""
    found = World(tmp_path)
    found.run(records([1, 2, 3]))
    return found


def loader_of(world: World, database: Ledger, heard: Heard) -> Loader:
    """Give the loader of that area."""
    place = LoadPlace(NAMES, "app", layout_of(world.settings), "staging", "default", "", 60, 10**12, "me")
    return Loader(world.store, database, DeadLetters(world.graves, LetterPlace("dead-letters", "app")), place, heard)


def work(loader: Loader) -> None:
    """Work once, with a table that is as it should be."""
    with patch.object(loading, "insist_on_table", lambda *_: None):
        loader.work(ALL, at_once=True)


@pytest.mark.parametrize("end", [Taken(), Away("gone"), Conflict("1023"), Refused("bad"), TooSlow()])
def test_a_round_without_a_load(world: World, end: Exception) -> None:
    """Whatever ends a load, also as overtaken by a loader of which the ledger knows nothing, is waited out.

    One round has an end of its own, and leaves no manifest.
    """
    database = Ledger(end)
    loader = loader_of(world, database, Heard())
    for _ in range(2):
        with pytest.raises(Unavailable) as fault:
            work(loader)
        assert isinstance(end, Unavailable) or fault.value.operator
    assert database.transactions == 2
    assert [key for key in world.store.objects if "_loads" in key] == []


def test_a_load_that_was_not_answered(world: World) -> None:
    """It keeps its manifest while it may run, and is counted and said once when the ledger has it."""
    heard = Heard()
    database = Ledger(Unsure("the answer was lost"))
    loader = loader_of(world, database, heard)
    with pytest.raises(Unsure):
        work(loader)
    assert len([key for key in world.store.objects if "_loads" in key]) == 1
    assert (loader.totals.loads, heard.of("loaded")) == (0, [])
    database.end = Taken()
    with pytest.raises(Unavailable):  # here the ledger names the load, and no object of it
        work(loader)
    assert (loader.totals.loads, loader.totals.rows, len(heard.of("loaded"))) == (1, 3, 1)


@pytest.mark.parametrize("row", [(), ("s3://staging/x",), (None,) * 11, ("s3://staging/x", "lost", *("1",) * 9)])
def test_a_row_of_the_ledger_that_cannot_be_read(world: World, row: tuple[Any, ...]) -> None:
    """Nothing is loaded or removed by a ledger that says what no loader wrote; an operator is called."""
    database = Ledger(None)
    database.rows = [row]
    with pytest.raises(Unavailable, match="cannot be read") as fault:
        work(loader_of(world, database, Heard()))
    assert fault.value.operator
    assert database.transactions == 0


class Cursor:
    """Gives one row for each query."""

    def __init__(self, row: object) -> None:
        self.row = row

    def cursor(self) -> "Cursor":
        return self

    def execute(self, sql: str) -> None:
        self.sql = sql

    def fetchone(self) -> object:
        return self.row

    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["taken", "count"])
@pytest.mark.parametrize("row", [None, (), [], (None,), (-1,), ("none",), (True,), (1.5,)])
def test_a_count_that_is_none(kind: Any, row: object) -> None:
    """A session's answer without a number of rows, or with -1 for one, is neither what was expected nor a refusal."""
    session = Session(SessionAccess("h", 1, "d", "u", "p", "", "", "", "", 1, 1))
    session._connection = Cursor(row)
    with pytest.raises(Away) as fault:
        session.transact((Step(kind, "SELECT 1", 1),), "t")
    assert fault.value.operator
    assert session._connection is None, "it is rolled back"
