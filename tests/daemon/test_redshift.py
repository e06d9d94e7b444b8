"""Events through the real daemon, the staging area and the loader: each is one row or one dead letter."""

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

from consumers.local.redshift.faults import Fault
from consumers.local.redshift.warehouse import Warehouse
from consumers.records import Position
from tests.daemon.loading import TableStage
from tests.daemon.putting import flowing, last_of
from tests.daemon.stage import MANY, OUTAGE_S, Stage
from tests.support.bad_rows import amounts, events
from tests.support.real_daemon import LIVENESS_S

pytestmark = pytest.mark.daemon
DRAINED = {0, 143}
RECORDS = MANY
IDLE_S = 5
WITHOUT_END = 10**9


def test_many_events(new_stage: Callable[[int], Stage], house: Warehouse) -> None:
    """One in a hundred is bad, in ten ways: rows, letters and the sum of a column are right, also after a replay."""
    stage = new_stage(4)
    table = TableStage(stage, house)
    stage.prepare(table.properties)
    with (
        flowing(stage, events(RECORDS), rate=0) as flow,
        stage.daemon(table.properties) as daemon,
        table.loader("loader") as loader,
    ):
        daemon.await_shards("shard_taken", 4)
        ledger = flow.all_put()
        assert ledger.put == RECORDS
        stage.await_committed(last_of(ledger))
        assert daemon.drain() in DRAINED
        loader.await_lines("loaded", bool)
        assert loader.drain() == 0
    table.load_the_rest()
    table.audit(ledger)
    once = (RECORDS - RECORDS // 100, amounts(RECORDS))
    assert table.rows() == once
    stage.server.client("dynamodb").delete_table(TableName=stage.name)
    stage.prepare(table.properties)
    with stage.daemon(table.properties) as daemon:
        stage.await_committed(last_of(ledger))
        assert daemon.drain() in DRAINED
    table.load_the_rest()
    table.audit(ledger)
    assert table.rows() == once


@pytest.mark.skipif("OUTAGE_S" not in os.environ, reason="it takes minutes: make soak")
def test_database_away(stage: Stage, house: Warehouse, measured: Callable[[str], None]) -> None:
    """A loader vanishes with the lock, then the database is away for three times the longest time-out.

    Staging does not notice: its checkpoints move all the while. Then what has gathered is loaded in order, once.
    """
    table = TableStage(stage, house)
    stage.prepare(table.properties)
    table.idle(IDLE_S)
    try:
        with (
            flowing(stage, events(WITHOUT_END), rate=400) as flow,
            stage.daemon(table.properties) as daemon,
            table.loader("vanishing") as vanishing,
        ):
            daemon.await_shards("object_written", 2)
            vanishing.await_lines("loaded", bool)
            house.faults.add(Fault("copy", action="call", call=vanishing.freeze))
            await_said(house, "COPY")
            with table.loader("second") as second:
                second.await_lines("loaded", bool)  # once the lock's session has idled for too long
                before = positions(stage)
                house.pause()
                began = time.monotonic()
                moved = watch(stage, OUTAGE_S)
                assert second.lines("waiting"), "nobody noticed that the database is away"
                assert all(positions(stage)[shard] > before[shard] for shard in before)
                away_s = time.monotonic() - began
                house.resume()
                vanishing.thaw()
                loads = len(second.lines("loaded"))
                second.await_lines("loaded", lambda lines: len(lines) > loads)
                ledger = flow.end()
                stage.await_committed(last_of(ledger))
                assert daemon.drain() in DRAINED
                assert second.drain() == 0
                firsts = [line["first"] for line in second.lines("loaded")]
                assert firsts == sorted(firsts, key=lambda key: key.split("/")[1:3])
            assert vanishing.drain() == 0
    finally:
        house.resume()
        table.idle(3600)
    table.load_the_rest()
    table.audit(ledger)
    measured(f"the database was away for {away_s:.0f} s: the longest that a checkpoint stood was {moved:.1f} s")
    assert moved < LIVENESS_S


def test_killed(stage: Stage, house: Warehouse) -> None:
    """The daemon, one of its children and the loader are killed (-9) in mid-flow: after a restart all stands once."""
    table = TableStage(stage, house)
    stage.prepare(table.properties)
    with flowing(stage, events(WITHOUT_END), rate=800) as flow:
        with stage.daemon(table.properties) as daemon, table.loader("loader") as loader:
            daemon.await_shards("object_written", 2)
            loader.await_lines("loaded", bool)
            struck = Fault("copy", action="call", call=loader.kill)
            house.faults.add(struck)
            os.kill(min(daemon.children()), signal.SIGKILL)
            loader.wait()
            daemon.kill()
        with stage.daemon(table.properties) as daemon, table.loader("loader") as loader:
            daemon.await_shards("shard_taken", 2)
            daemon.await_shards("object_written", 2)
            ledger = flow.end()
            stage.await_committed(last_of(ledger))
            assert daemon.drain() in DRAINED
            assert loader.drain() == 0
    table.load_the_rest()
    table.audit(ledger)


def test_negative_control(stage: Stage, house: Warehouse) -> None:
    """A child that drops what makes no row loses records, and the audit says so."""
    table = TableStage(stage, house)
    stage.prepare(table.properties)
    broken = f"{sys.executable} -m tests.child.broken.drops_rejected {{file}}"
    with flowing(stage, events(2000), rate=0) as flow, stage.daemon_with_child(table.properties, broken) as daemon:
        ledger = flow.all_put()
        stage.await_committed(last_of(ledger))
        daemon.drain()
    table.load_the_rest()
    with pytest.raises(AssertionError):
        table.audit(ledger)


def positions(stage: Stage) -> dict[str, Position]:
    """Give the checkpoints."""
    return {shard: row.position for shard, row in stage.leases().items() if row.position}


def watch(stage: Stage, seconds: float) -> float:
    """Look at the checkpoints for so long; the longest time that one of them stood still."""
    stood: dict[str, tuple[Position, float]] = {}
    longest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        now = time.monotonic()
        for shard, position in positions(stage).items():
            former = stood.get(shard)
            if former is None or former[0] != position:
                stood[shard] = (position, now)
            longest = max(longest, now - stood[shard][1])
        time.sleep(0.2)  # a table of DynamoDB tells nobody that it has changed
    return longest


def await_said(house: Warehouse, word: str) -> None:
    """Wait until a statement that was not there before begins so."""
    known, until = len(house.faults.texts), time.monotonic() + LIVENESS_S
    while not any(text.startswith(word) for text in house.faults.texts[known:]):
        assert time.monotonic() < until
        time.sleep(0.05)  # the stand-in keeps a list
