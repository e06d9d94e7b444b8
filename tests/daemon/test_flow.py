"""Records through the real daemon: every one is archived once, byte for byte."""

from collections.abc import Callable

import pytest

from tests.daemon.audit import chain_of, expected_of, faults_in
from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage

pytestmark = pytest.mark.daemon
DRAINED = {0, 143}
RECORDS = 100_000


def test_a_hundred_thousand_records(new_stage: Callable[[int], Stage]) -> None:
    """Four shards: none is lost, doubled or altered, and each shard's chain has no gap and no overlap."""
    stage = new_stage(4)
    properties = stage.properties(**{"archive.maxRecords": 10_000})
    stage.prepare(properties)
    with flowing(stage, play(RECORDS), rate=0) as flow, stage.daemon(properties) as daemon:
        daemon.await_shards("shard_taken", 4)
        ledger = flow.all_put()
        assert ledger.put == RECORDS
        stage.await_committed(last_of(ledger))
        assert daemon.drain() in DRAINED
        assert set(daemon.await_shards("drained", 4)) == set(ledger.newest())
        assert not daemon.lines("object_adopted")
    assert faults_in(stage, expected_of(ledger)) == []


def test_drained_while_records_flow(stage: Stage) -> None:
    """After SIGTERM and a restart no record is delivered again: each shard goes on just after what it committed."""
    with flowing(stage) as flow:
        properties = stage.properties(**{"archive.maxAgeSeconds": 3600})  # what is open is left to the drain
        stage.prepare(properties)
        with stage.daemon(properties) as daemon:
            daemon.await_shards("object_written", 2, each=2)
            assert daemon.drain() in DRAINED
            daemon.await_end()
            drained = {shard: line["position"] for shard, line in daemon.await_shards("drained", 2).items()}
        assert {shard: str(row.position) for shard, row in stage.leases().items()} == drained
        with stage.daemon(stage.properties()) as daemon:
            taken = daemon.await_shards("shard_taken", 2)
            assert {shard: line["start"] for shard, line in taken.items()} == drained
            daemon.await_shards("object_written", 2, each=2)
            ledger = flow.end()
            stage.await_committed(last_of(ledger))
            assert not daemon.lines("object_adopted")
    assert faults_in(stage, expected_of(ledger)) == []
    for shard, position in drained.items():  # the drain's object ends where the first object after it begins
        links = chain_of(stage, shard)
        assert [str(link.last) for link in links].count(position) == 1
        assert [str(link.after) for link in links].count(position) == 1
