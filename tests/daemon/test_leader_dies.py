"""The worker that hands leases out dies right after a split, with `leases --wait` beside it: for `make soak`."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.config.settings import load
from consumers.kcl.watching import leader
from consumers.registry import CONSUMERS
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage
from tests.support.kinesis_mock import split
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import ROOT

pytestmark = [
    pytest.mark.daemon,
    pytest.mark.skipif("OUTAGE_S" not in os.environ, reason="it takes minutes: make soak"),
]
NEAR = {
    "failoverTimeMillis": 4000,
    "workerMetricsReporterFreqInMillis": 2000,
    "jvm.shards": 8,
    "archive.maxAgeSeconds": 1,
}
PARENTS = ("shardId-000000000000", "shardId-000000000001")
MOST_LAG_S = 5  # KCL's lock of a leader lasts two minutes: what was put before is older by then


def gate(stage: Stage, file: Path) -> "subprocess.Popen[str]":
    """Begin to wait as a deploy does."""
    command = [*FLEET, "leases", "--wait", "600", "--max-lag", str(MOST_LAG_S), "--json", str(file)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=fleet_environment(stage.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_gate_waits_for_the_children(stage: Stage) -> None:
    """It ends with 0 only once the records of the four children are durable, two minutes and more after the death."""
    other = replace(stage, folder=stage.folder / "other")
    other.folder.mkdir()
    file = stage.properties(workerId="first", **NEAR)
    stage.prepare(file)
    with stage.daemon(file) as first, flowing(stage, play(200)) as before:
        first.await_shards("shard_taken", 2)
        stage.await_committed(last_of(before.all_put()))
        settings = load(file, CONSUMERS)
        assert leader(settings, stage.server.client("dynamodb")) == "first"
        with other.daemon(other.properties(workerId="second", **NEAR)) as second:
            second.await_shards("shard_taken", 1)
            children = {child for parent in PARENTS for child in split(stage.server, stage.name, parent)}
            first.kill()
            waiting = gate(stage, file)
            with flowing(stage, play(200)) as after:
                last = last_of(after.all_put())
            assert set(last) <= children
            out, err = waiting.communicate()
            rows = stage.leases()
            assert waiting.returncode == 0, err
            assert {shard: row.position for shard, row in rows.items() if shard in last} == last
            assert {
                row["shard"]: row["owner"] for row in json.loads(out) if row["checkpoint"] != "SHARD_END"
            } == dict.fromkeys(children, "second")
            assert second.drain() in {0, 143}
    assert faults_in(stage, {**expected_of(before.ledger), **expected_of(after.ledger)}) == []
