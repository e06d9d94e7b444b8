"""A move from KCL's stock `workerId`, which is another one at each start, to the fleet's, which stays."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_of
from tests.daemon.stage import build
from tests.support.servers import Server

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]
DRAINED = {0, 143}


def test_from_the_stock_worker(aws: Server, tmp_path: Path) -> None:
    """The old daemon drains, and the new one waits for its leases: nothing is lost, doubled or read again."""
    stage = build(aws, tmp_path, 2)
    old = stage.properties(workerId=str(uuid4()))
    stage.prepare(old)
    with flowing(stage, rate=100.0) as flow:
        with stage.daemon(old) as daemon:
            left = daemon.await_shards("object_written", stage.shards, each=2)
            assert daemon.drain() in DRAINED
            stored = {line["shard"]: line["position"] for line in daemon.lines("drained")}
        began = time.monotonic()
        new = stage.properties()
        with stage.daemon(new) as daemon:
            taken = daemon.await_shards("shard_taken", stage.shards)
            print(f"\nfrom another workerId: every shard taken over after {time.monotonic() - began:.0f} s")
            assert {shard: line["start"] for shard, line in taken.items()} == stored
            assert left.keys() == stored.keys()
            ledger = flow.end()
            stage.await_committed(last_of(ledger))
            assert daemon.drain() in DRAINED
    assert faults_in(stage, expected_of(ledger)) == []
