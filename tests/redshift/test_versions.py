"""Each version of a table is written down once, and never changes."""

import pytest

from consumers.redshift.table import Column, Table
from consumers.redshift.versions import Versions
from consumers.waiting import Parked, Unavailable
from tests.memory_store import MemoryStore

ONE = Table(1, "t", (Column("a", "integer"),))
CHANGED = Table(1, "t", (Column("a", "bigint"),))
TWO = Table(2, "t", (Column("a", "bigint"),))
KEY = "_kinesis-fleet/app/tables/1.json"


def test_a_declared_version_is_found_by_another_process() -> None:
    """The loader reads what the stage wrote, whatever the table file says by now."""
    store = MemoryStore()
    for table in (ONE, TWO):
        Versions(store, "app").declare(table)
    assert [Versions(store, "app").of(version) for version in (1, 2)] == [ONE, TWO]


def test_a_table_is_declared_as_often_as_one_likes() -> None:
    """Each process of each shard does; nothing is written again."""
    store = MemoryStore()
    Versions(store, "app").declare(ONE)
    stands = dict(store.objects)
    for _ in range(2):
        Versions(store, "app").declare(ONE)
    assert store.objects == stands


def test_a_changed_table_of_the_same_version_is_refused() -> None:
    """The rows that stand would be loaded into columns that they were not made for; an operator is told what to do."""
    store = MemoryStore()
    Versions(store, "app").declare(ONE)
    for _ in range(2):
        with pytest.raises(Unavailable, match="still is version 1") as raised:
            Versions(store, "app").declare(CHANGED)
        assert raised.value.operator
        assert raised.value.remedy.startswith("write a higher version into it")
        assert "redshift-ddl --apply" in raised.value.remedy
    assert Versions(store, "app").of(1) == ONE


def test_applications_do_not_share_versions() -> None:
    """Two may stage different tables into one bucket."""
    store = MemoryStore()
    Versions(store, "app").declare(ONE)
    Versions(store, "other").declare(CHANGED)
    assert Versions(store, "other").of(1) == CHANGED


def test_a_version_that_nobody_declared_parks() -> None:
    """Nobody can say which columns its rows have; it goes on once the object is restored."""
    store = MemoryStore()
    versions = Versions(store, "app")
    with pytest.raises(Parked, match="is gone") as raised:
        versions.of(1)
    assert KEY in str(raised.value)
    assert raised.value.remedy.startswith("restore it")
    Versions(store, "app").declare(ONE)
    assert versions.of(1) == ONE


def test_a_damaged_version_parks() -> None:
    """Also whoever would declare it: the rows that stand need it."""
    store = MemoryStore()
    store.objects[KEY] = (b"{", {})
    for call in (lambda: Versions(store, "app").of(1), lambda: Versions(store, "app").declare(ONE)):
        with pytest.raises(Parked, match="is no stored table") as raised:
            call()
        assert raised.value.remedy.startswith("restore it")
