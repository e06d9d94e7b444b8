"""The Data API is the same seam: what a session loads once, it loads once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.local.redshift.faults import Fault
from consumers.local.redshift.warehouse import Warehouse
from consumers.redshift.database import Conflict, Unsure
from consumers.redshift.loader import Bounds
from consumers.redshift.transaction import Step
from consumers.waiting import DeadlineReached
from tests.conftest import empty_bucket
from tests.support.servers import Server
from tests.support.warehouse import Place, event, records

ONE = Bounds(files=1, bytes=1 << 40, age_s=0)


@pytest.fixture
def place(aws: Server, house: Warehouse, tmp_path: Path) -> Iterator[Place]:
    """A place whose loader has no connection to the database."""
    empty_bucket(aws)
    keys: dict[str, Any] = {
        "driver": "dataApi",
        "cluster": "local",
        "dataApiEndpoint": house.data_api_endpoint,
        "maxRecords": 10,
    }
    found = Place(aws, house, tmp_path, **{f"redshift.{key}": value for key, value in keys.items()})
    found.create()
    yield found
    house.cut()


def test_rows(place: Place) -> None:
    """Rows and dead letters are what was staged, once."""
    run = records([event(number) if number % 9 else b"[]" for number in range(200)])
    place.write(pauseShare=0.9)
    place.stage(run)
    place.work(place.loader())
    place.audit(run)


def test_lost_answer(place: Place) -> None:
    """The session dies after its COMMIT: the loader looks into the ledger, and nothing is doubled."""
    run = records([event(number) for number in range(50)])
    place.stage(run)
    place.house.faults.add(Fault("commit", "after", "cut"))
    loader = place.loader()
    with pytest.raises(Unsure):
        loader.work(ONE, at_once=True)
    place.work(loader, ONE)
    place.audit(run)
    assert [line["stands"] for line in place.heard.of("commit_resolved")] == [True]


@pytest.mark.parametrize("kind", ["begin", "lock", "update", "insert", "copy", "commit"])
@pytest.mark.parametrize("action", ["cut", "conflict"])
def test_interrupted(place: Place, kind: str, action: str) -> None:
    """A batch that dies at any statement is loaded once, by another one."""
    run = records([event(number) for number in range(40)])
    place.stage(run)
    place.house.faults.add(Fault(kind, "before", action))  # type: ignore[arg-type]
    place.work(place.loader())
    place.audit(run)


def test_two_loaders(place: Place) -> None:
    """Two loaders share what is staged: each object is loaded once."""
    run = records([event(number) for number in range(200)])
    place.stage(run)
    loaders = [place.loader(), place.loader()]
    place.work_together(loaders, ONE)
    place.audit(run)
    assert sum(loader.totals.objects for loader in loaders) == 20


def test_bad_object(place: Place) -> None:
    """An object that COPY refuses is quarantined by its name, and the others are loaded."""
    run = records([event(number) for number in range(80)])
    place.stage(run)
    bad = place.staged()[5]
    place.spoil(bad, b'{"shard":"s","sequence_number":"1","arrived_at":"2025-11-30 10:53:20.000","session":"s"}')
    place.work(place.loader())
    ledger = place.ledger()
    assert ledger[bad].status == "quarantined"
    assert sum(one.status == "loaded" for one in ledger.values()) == 7


def test_deleted(place: Place) -> None:
    """An object that is gone when COPY comes is alarmed about, and the others are loaded."""
    place.stage(records([event(number) for number in range(60)]))
    key = place.staged()[2]
    place.house.faults.add(Fault("copy", action="call", call=lambda: place.remove(key)))
    place.work(place.loader())
    assert place.heard.of("staged_missing")[0]["key"] == key
    assert len(place.ledger()) == 5


def test_away(place: Place) -> None:
    """While nobody is let in, it is waited for."""
    run = records([event(number) for number in range(20)])
    place.stage(run)
    place.house.faults.refuse = True
    loader = place.loader()
    with pytest.raises(DeadlineReached):
        place.try_once(loader, ONE)
    place.house.faults.refuse = False
    place.work(loader)
    place.audit(run)


def test_slow_copy(place: Place) -> None:
    """A COPY that takes longer than it may is tried in halves."""
    place.write(loadTimeoutSeconds=1)
    run = records([event(number) for number in range(40)])
    place.stage(run)
    place.house.faults.add(Fault("copy", action="slow", seconds=5))
    loader = place.loader()
    place.work(loader)
    place.audit(run)
    assert loader.totals.quarantined == 0


def test_held_lock(place: Place) -> None:
    """A lock that is held for longer than a statement may take is a conflict, and not a fault of the objects."""
    other = place.connect()
    place.write(statementTimeoutSeconds=1)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        release.wait(30)

    place.house.faults.add(Fault("commit", action="call", call=hold))
    step = (Step("lock", f"LOCK {place.names.lock}"),)
    holder = threading.Thread(target=lambda: other.transact(step, "holds-the-lock"), daemon=True)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(Conflict):
            place.connect().transact(step, "waits-for-the-lock")
    finally:
        release.set()
        holder.join(30)
