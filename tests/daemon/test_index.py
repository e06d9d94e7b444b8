"""Events through the real daemon into a real OpenSearch: each is one document or one dead letter."""

import os
import signal
import sys
from collections.abc import Callable

import pytest

from consumers.local.ledger import Ledger
from tests.daemon.indexing import IndexStage, mixed_events, without_end
from tests.daemon.putting import Flow, flowing, last_of
from tests.daemon.stage import MANY, Stage
from tests.daemon.test_deaths import GRACE_S, MARGIN_S, ORPHAN_S, SHORT_GRACE
from tests.support.real_daemon import RealDaemon, await_gone
from tests.support.search import SearchNode

pytestmark = pytest.mark.daemon
DRAINED = {0, 143}
RECORDS = MANY


def test_many_events(new_stage: Callable[[int], Stage], search: SearchNode) -> None:
    """One in a hundred is bad, in ten ways: documents and dead letters are the records, also after a full replay."""
    many_events(new_stage(4), search)


def test_jvm_killed(stage: Stage, search: SearchNode) -> None:
    """The JVM is killed (-9) in mid-flow: a restart goes on, and each event stands once."""
    jvm_killed(stage, search)


def test_child_killed(stage: Stage, search: SearchNode) -> None:
    """One child is killed (-9): the daemon ends within its grace, a restart goes on, and each event stands once."""
    child_killed(stage, search)


def many_events(stage: Stage, search: SearchNode) -> None:
    """Deliver them, then all of them again."""
    index = IndexStage(stage, search)
    properties = index.properties()
    stage.prepare(properties)
    with flowing(stage, mixed_events(RECORDS), rate=0) as flow, stage.daemon(properties) as daemon:
        daemon.await_shards("shard_taken", 4)
        ledger = flow.all_put()
        assert ledger.put == RECORDS
        stage.await_committed(last_of(ledger))
        assert daemon.drain() in DRAINED
        assert set(daemon.await_shards("drained", 4)) == set(ledger.newest())
    assert index.faults(ledger) == []
    before = search.count(index.indices)
    assert before == RECORDS - RECORDS // 100
    stage.server.client("dynamodb").delete_table(TableName=stage.name)
    stage.prepare(properties)
    with stage.daemon(properties) as daemon:
        stage.await_committed(last_of(ledger))
        assert daemon.drain() in DRAINED
    assert index.faults(ledger) == []
    assert search.count(index.indices) == before


def jvm_killed(stage: Stage, search: SearchNode) -> None:
    """Kill the JVM, and start it again."""
    index = IndexStage(stage, search)
    properties = index.properties()
    stage.prepare(properties)
    with flowing(stage, without_end()) as flow:
        with stage.daemon(properties) as daemon:
            in_mid_flow(stage, daemon)
            children = daemon.children()
            daemon.kill()
            await_gone(children, ORPHAN_S)
        with stage.daemon(properties) as daemon:
            ledger = flow_on(stage, daemon, flow)
    assert index.faults(ledger) == []


def child_killed(stage: Stage, search: SearchNode) -> None:
    """Kill a child, and start the daemon again."""
    index = IndexStage(stage, search)
    properties = index.properties(**SHORT_GRACE)
    stage.prepare(properties)
    with flowing(stage, without_end()) as flow:
        with stage.daemon(properties) as daemon:
            in_mid_flow(stage, daemon)
            os.kill(min(daemon.children()), signal.SIGKILL)
            assert daemon.wait(GRACE_S + MARGIN_S) == 1
        with stage.daemon(properties) as daemon:
            ledger = flow_on(stage, daemon, flow)
    assert index.faults(ledger) == []


def test_negative_control(stage: Stage, search: SearchNode) -> None:
    """A child that gives each delivery ids of its own doubles what is delivered again, and the check says so."""
    index = IndexStage(stage, search)
    properties = index.properties()
    stage.prepare(properties)
    broken = f"{sys.executable} -m tests.child.broken.random_ids {{file}}"
    with flowing(stage, mixed_events(2000), rate=0) as flow:
        ledger = flow.all_put()
    for _ in range(2):
        with stage.daemon_with_child(properties, broken) as daemon:
            stage.await_committed(last_of(ledger))
            daemon.drain()
        stage.server.client("dynamodb").delete_table(TableName=stage.name)
        stage.prepare(properties)
    assert search.count(index.indices) > ledger.put
    assert index.faults(ledger)


def in_mid_flow(stage: Stage, daemon: RealDaemon) -> None:
    """Wait until each shard has indexed something, and then for the moment just after a checkpoint of each."""
    daemon.await_shards("indexed", stage.shards)
    before = stage.leases()
    stage.await_leases(lambda rows: all(rows[shard].position != before[shard].position for shard in before))


def flow_on(stage: Stage, daemon: RealDaemon, flow: Flow) -> Ledger:
    """Let records flow on over the restart, then put no more and wait until all are committed."""
    daemon.await_shards("indexed", stage.shards)
    ledger = flow.end()
    stage.await_committed(last_of(ledger))
    return ledger
