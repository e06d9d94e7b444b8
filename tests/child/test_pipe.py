"""Transcripts of the daemon's protocol through the real child and the real kclpy process."""

import time
from pathlib import Path

import pytest
from amazon_kclpy import kcl

from consumers.kcl.pipe import ShardProcess
from consumers.records import Record
from tests.conftest import empty_bucket
from tests.support.archive import archive_of, faults_of, object_keys, write_properties
from tests.support.fake_daemon import SHARD_END, Child, ChildDied, Lease, new_records
from tests.support.servers import Server

STATUS = "status"
IMPATIENT = "tests.child.impatient"


@pytest.fixture
def properties(aws: Server, folder: Path) -> Path:
    """Properties of a consumer whose objects hold five records."""
    empty_bucket(aws)
    return write_properties(folder, aws.endpoint, **{"archive.maxRecords": 5})


def said(child: Child) -> list[str]:
    """Shorten what the child said: `checkpoint 4`, `status processRecords`."""
    base = int(new_records(1)[0].sequence_number)
    lines = []
    for message in child.received:
        if message["action"] == STATUS:
            lines.append(f"status {message['responseFor']}")
        elif message["sequenceNumber"] is None:
            lines.append("checkpoint end")
        else:
            lines.append(f"checkpoint {(int(message['sequenceNumber']) - base) // 1_000_003}")
    return lines


def test_a_shard_from_first_message_to_last(aws: Server, properties: Path) -> None:
    """Every message is answered once, and each checkpoint names the end of an object that stands."""
    lease = Lease(records=new_records(12))
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver(7)
        child.deliver(0)
        child.deliver(5)
        child.end_shard()
        assert child.close() == 0
        assert said(child) == [
            "status initialize",
            "checkpoint 4",
            "status processRecords",
            "status processRecords",
            "checkpoint 9",
            "status processRecords",
            "checkpoint end",
            "status shardEnded",
        ]
    assert lease.checkpoint == SHARD_END
    assert faults_of(archive_of(aws), lease.records) == []


def test_shutdown_requested_drains_and_commits_the_last_record(aws: Server, properties: Path) -> None:
    """After a drain nothing is delivered again."""
    lease = Lease(records=new_records(3))
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver()
        child.exchange({"action": "shutdownRequested"})
        assert said(child)[-2:] == ["checkpoint 2", "status shutdownRequested"]
    assert faults_of(archive_of(aws), lease.records) == []


def test_lease_lost_writes_nothing_more(aws: Server, properties: Path) -> None:
    """The buffer is dropped, no checkpoint is asked for, and the child waits for the end of the pipe."""
    with Child(properties, Lease(records=new_records(3))) as child:
        child.initialize()
        child.deliver()
        child.exchange({"action": "leaseLost"})
        assert child.close() == 0
        assert said(child) == ["status initialize", "status processRecords", "status leaseLost"]
    assert object_keys(archive_of(aws)) == []


@pytest.mark.parametrize("error", ["ThrottlingException", "KinesisClientLibDependencyException"])
def test_transient_refusals_are_tried_again(properties: Path, error: str) -> None:
    """A throttled lease table costs tries, not records."""
    with Child(properties, Lease(records=new_records(5))) as child:
        child.initialize()
        child.refusals = [error] * 3
        child.deliver()
        assert said(child) == ["status initialize", *["checkpoint 4"] * 4, "status processRecords"]


def test_lease_table_that_stays_away_is_covered_by_the_next_checkpoint(properties: Path) -> None:
    """After the budget the child goes on; the next checkpoint covers what was written."""
    lease = Lease(records=new_records(10))
    with Child(properties, lease, IMPATIENT) as child:
        child.initialize()
        child.refusals = ["ThrottlingException"] * 10_000
        child.deliver(5)
        assert child.logs("checkpoint_later")
        child.refusals = []
        child.deliver(5)
        assert said(child)[-2:] == ["checkpoint 9", "status processRecords"]


def test_lost_lease_at_a_checkpoint_gives_the_shard_up_without_an_exit(aws: Server, properties: Path) -> None:
    """ShutdownException: nothing more is written, and the other shards of the host are left alone."""
    with Child(properties, Lease(records=new_records(20))) as child:
        child.initialize()
        child.refusals = ["ShutdownException"]
        child.deliver(5)
        child.deliver(10)
        child.exchange({"action": "leaseLost"})
        assert said(child).count("checkpoint 4") == 1
        assert len(object_keys(archive_of(aws))) == 1
        assert [line["level"] for line in child.logs() if line["level"] in {"warning", "error"}] == []
        assert child.close() == 0


@pytest.mark.parametrize("error", ["InvalidStateException", "IllegalArgumentException", "SomethingNew"])
def test_refusals_that_only_a_bug_explains_end_the_process(properties: Path, error: str) -> None:
    """No status is written, so the daemon delivers again."""
    with Child(properties, Lease(records=new_records(5))) as child:
        child.initialize()
        child.refusals = [error]
        with pytest.raises(ChildDied):
            child.deliver()
        assert child.process.returncode == 70
        assert said(child) == ["status initialize", "checkpoint 4"]
        assert error in child.logs("exit")[0]["reason"]


def test_end_of_shard_that_cannot_be_committed_ends_the_process(aws: Server, properties: Path) -> None:
    """The children of the shard start only after its end is committed: it is never skipped."""
    lease = Lease(records=new_records(3))
    with Child(properties, lease, IMPATIENT) as child:
        child.initialize()
        child.deliver()
        child.refusals = ["KinesisClientLibDependencyException"] * 10_000
        with pytest.raises(ChildDied):
            child.end_shard()
        assert child.process.returncode == 70
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver()
        child.end_shard()
    assert lease.checkpoint == SHARD_END
    assert faults_of(archive_of(aws), lease.records) == []


def test_line_that_cannot_be_read_ends_the_process_without_its_data_in_the_log(properties: Path) -> None:
    """A broken line is not answered, and what it held is not logged."""
    with Child(properties, Lease()) as child:
        child.initialize()
        assert child.process.stdin
        child.process.stdin.write(b'{"action":"processRecords","records":[{"data":"secretpayload"}\n')
        child.process.stdin.flush()
        with pytest.raises(ChildDied):
            child.read()
        assert child.logs("exit")
        assert "secretpayload" not in child.log.read_text()


@pytest.mark.parametrize("bug", ["raises", "runs_out_of_stack", "runs_out_of_memory"])
def test_exception_in_a_callback_never_ends_in_a_status(properties: Path, bug: str) -> None:
    """Kclpy would answer `status` to each of these; the child ends instead, and nothing was checkpointed."""
    lease = Lease(records=new_records(5))
    with Child(properties, lease, f"tests.child.broken.{bug}") as child:
        child.initialize()
        with pytest.raises(ChildDied):
            child.deliver()
        assert said(child) == ["status initialize"]
    assert lease.history == []


def test_negative_control_stock_kclpy_swallows(monkeypatch: pytest.MonkeyPatch, properties: Path) -> None:
    """With kclpy's own dispatch in place of ours, the same exception is answered with a status."""
    assert ShardProcess._perform_action is not kcl.KCLProcess._perform_action
    lease = Lease(records=new_records(5))
    with Child(properties, lease, "tests.child.broken.stock_dispatch") as child:
        child.initialize()
        child.deliver()
        assert said(child) == ["status initialize", "status processRecords"]


def test_what_a_library_prints_does_not_reach_the_protocol(aws: Server, properties: Path) -> None:
    """print() and writes to descriptor 1 go to stderr."""
    lease = Lease(records=new_records(5))
    with Child(properties, lease, "tests.child.broken.chatty") as child:
        child.initialize()
        child.deliver()
        assert child.close() == 0
        assert "printed" in child.log.read_text()
        assert "written to descriptor 1" in child.log.read_text()
    assert faults_of(archive_of(aws), lease.records) == []


def test_strange_records_come_back_as_they_were(aws: Server, properties: Path) -> None:
    """Newlines, nothing at all, any bytes, any partition key, sub-sequences of an aggregate."""
    now = int(time.time() * 1000)
    payloads = [b"", b"\n", b"a\nb", b"\r\n", b"\x00\xff\xfe", b"null", "\u2028 \U0001f4a9".encode(), b"x" * 100_000]
    keys = ["k", "\u00fc\u4e2d\U0001f680", "../../etc", "a/b", "\x00", '"', "\\", " "]
    lease = Lease(
        records=[
            Record(data, key, str(10**55 + i // 3), now, i % 3)
            for i, (data, key) in enumerate(zip(payloads, keys, strict=True))
        ]
    )
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver(4)
        child.deliver()
        child.exchange({"action": "shutdownRequested"})
    assert faults_of(archive_of(aws), lease.records) == []


def test_quiet_shard_is_flushed_by_age(aws: Server, folder: Path) -> None:
    """A part-filled object does not wait for the next record: an empty delivery cuts it by age."""
    empty_bucket(aws)
    properties = write_properties(folder, aws.endpoint, **{"archive.maxAgeSeconds": 0.2})
    lease = Lease(records=new_records(3))
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver()
        until = time.monotonic() + 30
        while not lease.history and time.monotonic() < until:
            child.deliver(0)
        assert lease.checkpoint == lease.records[-1].position
        assert child.logs("object_written")[0]["cut"] == "age"


def test_end_of_the_pipe_ends_a_waiting_child(folder: Path) -> None:
    """A child that waits for its destination does not outlive its daemon."""
    properties = write_properties(folder, "http://127.0.0.1:9")
    with Child(properties, Lease(records=new_records(30))) as child:
        child.initialize()
        child.send_records(child.lease.records)
        child.await_log("waiting")
        began = time.monotonic()
        child.close()
        assert time.monotonic() - began < 5
