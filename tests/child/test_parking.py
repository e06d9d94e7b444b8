"""What only an operator can mend stops one shard, or waits, with one clear line; nothing is checkpointed."""

import time
from pathlib import Path

import pytest

from consumers.chain.store import STATE_PREFIX
from tests.child.test_crashes import run_to_end
from tests.conftest import empty_bucket
from tests.support.archive import BUCKET, archive_of, faults_of, object_keys, write_properties
from tests.support.fake_daemon import Child, Lease, new_records
from tests.support.proxy import FaultProxy
from tests.support.servers import Server


@pytest.fixture
def properties(aws: Server, folder: Path) -> Path:
    """Properties of a consumer whose objects hold five records."""
    empty_bucket(aws)
    return write_properties(folder, aws.endpoint, **{"archive.maxRecords": 5})


@pytest.mark.parametrize("metadata", [{}, {"format": "1", "first": "x"}, {"format": "2"}])
def test_garbled_object_parks_its_shard_alone(aws: Server, properties: Path, metadata: dict[str, str]) -> None:
    """The shard waits with an alarm until the object is mended; another shard of the host goes on."""
    lease, other = Lease("shardId-000000000000", new_records(10)), Lease("shardId-000000000001", new_records(10))
    s3 = aws.client("s3")
    with Child(properties, lease) as child:  # writes the first object, to learn the key of the second
        child.initialize()
        child.deliver(5)
        child.process.kill()
    first = object_keys(archive_of(aws))[0]
    second = first.replace(lease.records[0].sequence_number, lease.records[5].sequence_number)
    s3.put_object(Bucket=BUCKET, Key=second, Body=b"garbage", Metadata=metadata)
    with Child(properties, lease) as parked, Child(properties, other) as free:
        parked.initialize()
        free.initialize()
        parked.send_records(lease.records[5:])
        alarm = parked.await_log("parked")
        assert alarm["level"] == "error"
        assert second in alarm["reason"]
        assert alarm["remedy"]
        free.deliver()
        assert other.checkpoint == other.records[-1].position
        assert lease.checkpoint == lease.records[4].position
        assert s3.get_object(Bucket=BUCKET, Key=second)["Body"].read() == b"garbage"
        s3.delete_object(Bucket=BUCKET, Key=second)
        parked.await_status("processRecords")  # it goes on by itself
    assert faults_of(archive_of(aws), lease.records) == []
    assert lease.checkpoint == lease.records[-1].position


def test_destination_that_is_away_only_means_waiting(aws: Server, proxy: FaultProxy, folder: Path) -> None:
    """Records wait in the child while S3 refuses; nothing is checkpointed, and all is stored when it is back."""
    properties = write_properties(folder, proxy.endpoint, **{"archive.maxRecords": 5})
    lease = Lease(records=new_records(10))
    proxy.fault = lambda call: setattr(call, "status", 503)
    with Child(properties, lease) as child:
        child.initialize()
        child.send_records(lease.records)
        child.await_log("waiting")
        assert lease.history == []
        proxy.fault = lambda _call: None
        child.await_status("processRecords")
        assert child.close() == 0
    assert lease.checkpoint == lease.records[-1].position


def test_drain_ends_in_time_while_the_destination_is_away(proxy: FaultProxy, folder: Path) -> None:
    """The daemon's stop is not held up: what was not written is delivered again."""
    properties = write_properties(folder, proxy.endpoint, flushTimeoutSeconds=1)
    lease = Lease(records=new_records(3))
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver()
        proxy.fault = lambda call: setattr(call, "status", 503)
        began = time.monotonic()
        child.exchange({"action": "shutdownRequested"})
        assert time.monotonic() - began < 10
        assert child.logs("drain_cut_short")
    assert lease.history == []


@pytest.mark.parametrize("change", [{"archive.prefix": "elsewhere"}, {"archive.partition": "d=%Y-%m-%d/h=%H"}])
def test_changed_layout_is_refused_while_something_is_undone(
    aws: Server, properties: Path, folder: Path, change: dict[str, str]
) -> None:
    """A changed key would double the object that stands beyond the checkpoint: the shard parks and says what to do."""
    lease = Lease(records=new_records(10))
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver(5)
    lease.checkpoint = lease.records[1].position  # as if the last checkpoint had not come through
    changed = write_properties(folder, aws.endpoint, **{"archive.maxRecords": 5, **change})
    with Child(changed, lease) as child:
        child.initialize()
        child.send_records(lease.records[2:])
        assert "layout was changed" in child.await_log("parked")["reason"]
    write_properties(folder, aws.endpoint, **{"archive.maxRecords": 5})
    run_to_end(properties, lease)
    assert faults_of(archive_of(aws), lease.records) == []


def test_changed_layout_is_taken_up_after_a_drain(aws: Server, properties: Path, folder: Path) -> None:
    """Nothing is undone, so the new values hold from the next object on."""
    lease = Lease(records=new_records(8))
    run_to_end(properties, lease)
    lease.records += new_records(6, begin=8)
    changed = write_properties(folder, aws.endpoint, **{"archive.compression": "zstd", "archive.prefix": "raw/new"})
    run_to_end(changed, lease)
    keys = object_keys(archive_of(aws))
    assert [key.startswith("raw/new/") for key in sorted(keys)] == [False, False, True]
    assert [key.rpartition(".")[2] for key in sorted(keys)] == ["gz", "gz", "zst"]
    assert faults_of(archive_of(aws), lease.records) == []


def test_damaged_chain_record_parks(aws: Server, properties: Path) -> None:
    """What is remembered of the chain is not guessed at."""
    lease = Lease(records=new_records(5))
    key = f"{STATE_PREFIX}/app/events.{lease.shard}.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{")
    with Child(properties, lease) as child:
        child.initialize()
        child.send_records(lease.records)
        assert key in child.await_log("parked")["reason"]
        assert lease.history == []


def test_rewind_across_a_changed_layout_doubles_nothing(aws: Server, properties: Path, folder: Path) -> None:
    """Former layouts are remembered: what they hold is adopted, not written again under new keys."""
    lease = Lease(records=new_records(12))
    everything, lease.records = lease.records, lease.records[:7]
    run_to_end(properties, lease)
    lease.records = everything
    changed = write_properties(folder, aws.endpoint, **{"archive.maxRecords": 5, "archive.prefix": "raw/new"})
    run_to_end(changed, lease)
    lease.checkpoint = "TRIM_HORIZON"
    run_to_end(changed, lease)
    assert faults_of(archive_of(aws), everything) == []
