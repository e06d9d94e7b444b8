"""What does not accept is waited for: the daemon lives on, and nothing is committed that is not durable."""

import time

import pytest

from consumers.chain.layout import Layout
from consumers.records import Position
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_in, last_of, put_to
from tests.daemon.stage import Stage
from tests.support.proxy import Call, Cut, FaultProxy

pytestmark = pytest.mark.daemon
FAILOVER_S, HANDOFF_S, OUTAGE_S = 4, 5, 20
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"


def test_destination_away_for_longer_than_any_time_out(stage: Stage, s3_proxy: FaultProxy) -> None:
    """S3 is away for four times KCL's time-outs: the same processes live on, commit nothing, and then archive all."""
    properties = stage.properties(
        endpoint=s3_proxy.endpoint,
        failoverTimeMillis=FAILOVER_S * 1000,
        gracefulLeaseHandoffTimeoutMillis=HANDOFF_S * 1000,
        shutdownGraceMillis=HANDOFF_S * 1000,
        flushTimeoutSeconds=HANDOFF_S - 1,
    )
    stage.prepare(properties)
    with flowing(stage, rate=500) as flow, stage.daemon(properties) as daemon:
        daemon.await_shards("object_written", 2)
        processes = {daemon.pid, *daemon.children()}
        s3_proxy.fault = away
        daemon.await_shards("waiting", 2)  # from here on each child stands in a write
        before, began = stage.leases(), time.monotonic()
        rows = stage.await_leases(lambda _: time.monotonic() - began > OUTAGE_S, within_s=OUTAGE_S + 60)
        assert {shard: row.position for shard, row in rows.items()} == {s: row.position for s, row in before.items()}
        assert {row.owner for row in rows.values()} == {f"{stage.name}-worker"}
        assert all(rows[shard].renewals > before[shard].renewals for shard in before)
        s3_proxy.fault = lambda _call: None
        ledger = flow.end()
        stage.await_committed(last_of(ledger))
        assert {daemon.pid, *daemon.children()} == processes
        assert len(daemon.lines("shard_taken")) == 2
    assert faults_in(stage, expected_of(ledger)) == []


def away(call: Call) -> None:
    """Answer half of the calls with an error, and the others not at all."""
    if call.number % 2:
        call.status = 503
    else:
        call.before = _cut


def _cut() -> None:
    raise Cut


def test_garbled_object_parks_one_shard(stage: Stage) -> None:
    """A shard waits before what it cannot read while its neighbour goes on; once that is gone it goes on by itself."""
    each = 100
    expected = {
        place: put
        for shard in (0, 1)
        for batch in range(3)
        for place, put in put_to(stage, shard, [b"%d %d %d" % (shard, batch, i) for i in range(each)]).items()
    }
    positions = sorted(place.position for place in expected if place.shard == FIRST)
    key = key_at(stage, FIRST, positions[each])
    s3 = stage.server.client("s3")
    s3.put_object(Bucket=stage.name, Key=key, Body=b"garbage")
    properties = stage.properties(**{"archive.maxRecords": each})
    stage.prepare(properties)
    with stage.daemon(properties) as daemon:
        alarm = daemon.await_lines("parked", bool)[0]
        assert (alarm["level"], alarm["shard"]) == ("error", FIRST)
        assert key in alarm["reason"]
        assert alarm["remedy"]
        stage.await_committed({SECOND: last_in(expected)[SECOND]})
        later = put_to(stage, 1, [b"later"])  # the neighbour goes on, whatever was delivered before
        stage.await_committed(last_in(later))
        # Its delivery has not come to its end, so not even the object before the garbled one is committed.
        standing = stage.leases()[FIRST].position
        assert standing is None or standing < positions[each]
        assert s3.get_object(Bucket=stage.name, Key=key)["Body"].read() == b"garbage"
        s3.delete_object(Bucket=stage.name, Key=key)
        stage.await_committed({FIRST: positions[-1]})
        assert len(daemon.lines("shard_taken")) == 2
    assert faults_in(stage, {**expected, **later}) == []


def key_at(stage: Stage, shard: str, position: Position) -> str:
    """Name the object that would begin with this record."""
    kinesis = stage.server.client("kinesis")
    begin = kinesis.get_shard_iterator(
        StreamName=stage.name,
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=str(position.sequence),
    )
    record = kinesis.get_records(ShardIterator=begin["ShardIterator"], Limit=1)["Records"][0]
    arrival_ms = int(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
    return Layout("raw", "dt=%Y-%m-%d/hour=%H", stage.name, ".gz").key(shard, position, arrival_ms)
