"""Aggregates of the Kinesis Producer Library: every sub-record once, wherever an object or a process ends."""

import pytest

from consumers.records import Position
from tests.daemon.audit import Place, Put, chain_of, faults_in
from tests.daemon.putting import last_in, put_aggregate, put_damaged, put_mixed
from tests.daemon.stage import Stage

pytestmark = pytest.mark.daemon
SUBS = 30
PER_OBJECT = 7  # not a divisor, so that objects end inside aggregates
AGGREGATES = 25


def test_ends_inside_an_aggregate(stage: Stage) -> None:
    """Killed with a checkpoint inside an aggregate, drained between two, started again: each sub-record once.

    Between them come aggregates with keys of both shards: KCL delivers nothing of these, and says nothing. One that it
    cannot unpack ends nothing, and is named.
    """
    small = {"archive.maxRecords": PER_OBJECT, "archive.maxAgeSeconds": 3600}
    properties = stage.properties(**small)
    stage.prepare(properties)
    expected = put(stage, "first")
    inside = {
        shard: Position(last.sequence, SUBS // PER_OBJECT * PER_OBJECT - 1) for shard, last in last_in(expected).items()
    }
    with stage.daemon(properties) as daemon:
        rows = stage.await_leases(lambda rows: {shard: row.position for shard, row in rows.items()} == inside)
        assert set(rows) == set(inside)
        daemon.kill()
    for number in range(AGGREGATES):
        expected |= put(stage, f"number {number}")
        put_mixed(stage, SUBS)
    put_damaged(stage)
    expected |= put(stage, "the last")
    one_at_a_time = {"maxRecords": 1, "idleTimeBetweenReadsInMillis": 500}
    with stage.daemon(stage.properties(**small, **one_at_a_time)) as daemon:
        taken = daemon.await_shards("shard_taken", 2)
        assert {shard: line["start"] for shard, line in taken.items()} == {s: str(at) for s, at in inside.items()}
        daemon.await_shards("object_written", 2, each=3)
        daemon.drain()
        drained = {s: Position.parse(line["position"]) for s, line in daemon.await_shards("drained", 2).items()}
    assert all(drained[shard] < last for shard, last in last_in(expected).items()), "it was drained at the end"
    with stage.daemon(stage.properties(**{**small, "archive.maxAgeSeconds": 2})) as daemon:
        stage.await_committed(last_in(expected))
        assert not daemon.lines("object_adopted")
        assert {line["event"].partition(" Sequence")[0] for line in daemon.lines() if "ggregat" in str(line)} == {
            "Unexpected exception during deaggregation [withheld]"
        }
    assert faults_in(stage, expected) == []
    for shard in drained:
        assert any(link.last.sub != SUBS - 1 for link in chain_of(stage, shard))
        assert all(link.count <= PER_OBJECT for link in chain_of(stage, shard))


def put(stage: Stage, text: str) -> dict[Place, Put]:
    """Put an aggregate into each shard."""
    return {
        place: put
        for shard in (0, 1)
        for place, put in put_aggregate(stage, shard, [f"{text} {sub}".encode() for sub in range(SUBS)]).items()
    }
