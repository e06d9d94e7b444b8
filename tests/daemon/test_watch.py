"""A shard that KCL can leave unread for ever, because a host died while it handed the lease over."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from consumers.records import Position
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
RECORDS = 2000
DRAINED = {0, 143}
RESTART = 75
DEAD = "a-dead-host"
GIVEN, OTHER = "shardId-000000000000", "shardId-000000000001"


def watch(stage: Stage, file: Path, bound_s: int) -> "subprocess.CompletedProcess[str]":
    """Run the watch."""
    command = [*FLEET, "watch", "--for", str(bound_s), str(file)]
    environment = fleet_environment(stage.folder)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


def committed(stage: Stage, last: Mapping[str, Position]) -> bool:
    """Whether each shard's checkpoint has reached its last record."""
    rows = stage.leases()
    return all((at := rows[shard].position) is not None and at >= last[shard] for shard in last)


def test_a_hand_over_from_a_dead_host(stage: Stage) -> None:
    """The owner renews, and may never read; the watch ends the hand-over, and then nothing is missing.

    Whether KCL itself ends it depends on which of its threads finds the lease first: seen both ways.
    """
    former = stage.properties(workerId=DEAD)
    stage.prepare(former)
    with stage.daemon(former) as daemon:  # it leads as well, and whoever led would notice
        daemon.await_shards("shard_taken", stage.shards)
        assert daemon.drain() in DRAINED
    file = stage.properties()
    for shard, more in ((GIVEN, ", checkpointOwner = :giver"), (OTHER, "")):
        names = {":owner": {"S": f"{stage.name}-worker"}, **({":giver": {"S": DEAD}} if more else {})}
        stage.server.client("dynamodb").update_item(
            TableName=stage.name,
            Key={"leaseKey": {"S": shard}},
            UpdateExpression=f"SET leaseOwner = :owner{more}",
            ExpressionAttributeValues=names,
        )
    with stage.daemon(file) as daemon, flowing(stage, play(RECORDS)) as flow:
        ledger = flow.all_put()
        stage.await_committed({OTHER: last_of(ledger)[OTHER]})
        seen = watch(stage, file, 6)
        said = [line for line in map(json.loads, seen.stderr.splitlines()) if line["event"] == "unheld"]
        assert seen.returncode == len(said), seen.stderr
        print(f"\n{'the watch' if said else 'KCL itself'} has ended the hand-over")
        assert all(line["shards"] == [GIVEN] and f"{DEAD} hands it over" in line["reason"] for line in said)
        asked = 0
        while not asked and not committed(stage, last_of(ledger)):
            # As its timer does: KCL may hand the lease to the dead host once more, or never begin to read.
            asked = watch(stage, file, 15).returncode == RESTART
        if not asked:
            assert watch(stage, file, 60).returncode == 0
        assert daemon.drain() in DRAINED
    if asked:
        print("the watch has asked for a restart: KCL renews the lease, and no process reads")
        with stage.daemon(file) as daemon:
            stage.await_committed(last_of(ledger))
            assert daemon.drain() in DRAINED
    assert faults_in(stage, expected_of(ledger)) == []
