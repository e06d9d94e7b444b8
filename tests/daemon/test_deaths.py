"""The JVM or a child is killed in mid-flow: after the restart the archive is exact all the same."""

import os
import signal
import sys
import time

import pytest

from consumers.local.ledger import Ledger
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import Flow, flowing, last_of
from tests.daemon.stage import Row, Stage
from tests.support.real_daemon import RealDaemon, await_gone

pytestmark = pytest.mark.daemon
GRACE_S = 4.0
SHORT_GRACE = {"shutdownGraceMillis": int(GRACE_S * 1000), "flushTimeoutSeconds": 3}
MARGIN_S = 30.0  # a busy machine; the grace itself is what is waited for
ORPHAN_S = 30.0  # the same: it takes well under a second


def test_jvm_killed(stage: Stage) -> None:
    """The JVM is killed (-9): its children go with it, and a restart archives every record once."""
    properties = stage.properties()
    stage.prepare(properties)
    with flowing(stage) as flow:
        with stage.daemon(properties) as daemon:
            in_mid_flow(stage, daemon)
            children = daemon.children()
            assert len(children) == stage.shards
            daemon.kill()
            await_gone(children, ORPHAN_S)
        with stage.daemon(properties) as daemon:
            ledger = flow_on(stage, daemon, flow)
    assert faults_in(stage, expected_of(ledger)) == []


def test_child_killed(stage: Stage) -> None:
    """One child is killed (-9): the daemon ends within its grace, and a restart archives every record once."""
    properties = stage.properties(**SHORT_GRACE)
    stage.prepare(properties)
    with flowing(stage) as flow:
        with stage.daemon(properties) as daemon:
            in_mid_flow(stage, daemon)
            children, began = daemon.children(), time.monotonic()
            os.kill(min(children), signal.SIGKILL)
            assert daemon.wait(GRACE_S + MARGIN_S) == 1
            assert time.monotonic() - began < GRACE_S + MARGIN_S
            await_gone(children, ORPHAN_S)
        with stage.daemon(properties) as daemon:
            ledger = flow_on(stage, daemon, flow)
    assert faults_in(stage, expected_of(ledger)) == []


def test_negative_control(stage: Stage) -> None:
    """A child that commits before it has written loses what it held when the JVM is killed, and the audit says so."""
    properties = stage.properties(**{"archive.maxAgeSeconds": 3600})  # so that it surely holds a part of an object
    stage.prepare(properties)
    broken = f"{sys.executable} -m tests.child.broken.checkpoints_first {{file}}"
    with flowing(stage) as flow, stage.daemon_with_child(properties, broken) as daemon:
        in_mid_flow(stage, daemon)
        ledger = flow.end()
        stage.await_committed(last_of(ledger))
        daemon.kill()
    with stage.daemon_with_child(properties, broken) as daemon:
        daemon.await_shards("shard_taken", stage.shards)
        daemon.drain()  # whatever is still in its hands shall not count as lost
    faults = faults_in(stage, expected_of(ledger))
    assert any(fault.startswith("lost ") for fault in faults), faults[:10]


def in_mid_flow(stage: Stage, daemon: RealDaemon) -> None:
    """Wait until objects were written, and then for the moment just after a checkpoint of each shard."""
    daemon.await_shards("object_written", stage.shards, each=2)
    before = stage.leases()

    def moved(rows: dict[str, Row]) -> bool:
        return all(rows[shard].position != before[shard].position for shard in before)

    stage.await_leases(moved)


def flow_on(stage: Stage, daemon: RealDaemon, flow: Flow) -> Ledger:
    """Let records flow on over the restart, then put no more and wait until all are committed."""
    daemon.await_shards("object_written", stage.shards, each=2)
    ledger = flow.end()
    stage.await_committed(last_of(ledger))
    return ledger
