"""The real child process keeps its mark: before the end of a shard, and never at the cost of its records."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from consumers.hours.mark import load, mark_key
from consumers.s3.store import S3Store
from tests.support.archive import archive_of, write_properties
from tests.support.fake_daemon import SHARD_END, Child, Lease, new_records
from tests.support.proxy import Call, FaultProxy
from tests.support.servers import Server


def refuse_marks(call: Call) -> None:
    """Let everything through but the marks."""
    if call.method == "PUT" and "/marks/" in call.path:
        call.status = 503


def mark(store: S3Store, shard: str):  # type: ignore[no-untyped-def]
    """Read a shard's mark."""
    return load(store, mark_key("app", "events", shard))[0]


def test_an_end_is_marked_before_it_is_committed(s3: Server, proxy: FaultProxy, folder: Path) -> None:
    """Otherwise children would begin, and no hour could ever know that their parent is done."""
    lease = Lease(records=[])
    with Child(write_properties(folder, proxy.endpoint), lease) as child:
        child.initialize()
        child.deliver()
        proxy.fault = refuse_marks
        child._ended = True
        child.send({"action": "shardEnded"})
        child.await_log("waiting")
        assert lease.checkpoint != SHARD_END
        proxy.fault = lambda call: None
        child.await_status("shardEnded")
    assert lease.checkpoint == SHARD_END
    assert mark(archive_of(s3), lease.shard).ended


def test_a_mark_that_cannot_be_written_stops_nothing(s3: Server, proxy: FaultProxy, folder: Path) -> None:
    """Once a shard has its first mark, records are stored and committed whether or not the watermark follows."""
    lease = Lease(records=new_records(60))
    properties = write_properties(folder, proxy.endpoint, **{"archive.maxRecords": 20, "archive.watermarkSeconds": 1})
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver(20)
        first = mark(archive_of(s3), lease.shard)
        proxy.fault = refuse_marks
        while child.deliver(20):
            pass
        assert lease.checkpoint == lease.records[-1].position
        assert mark(archive_of(s3), lease.shard) == first


@pytest.mark.parametrize("key", ["hours/events.json", "marks/events/shardId-000000000000.json"])
def test_a_damaged_state_parks_or_says_so(s3: Server, folder: Path, key: str) -> None:
    """Nobody guesses at a watermark, and the process lives on."""
    archive_of(s3).swap(f"_kinesis-fleet/app/{key}", b"{", None)
    records = [replace(record, arrival_ms=record.arrival_ms - 9000 + n) for n, record in enumerate(new_records(5))]
    lease = Lease(records=records)
    properties = write_properties(folder, s3.endpoint, **{"archive.maxRecords": 5})
    with Child(properties, lease) as child:
        child.initialize()
        if key.startswith("marks"):
            child.send_records(lease.records)  # it waits for an operator before anything is written
            said = child.await_log("parked")
        else:
            child.deliver()
            said = child.await_log("watermark_later")
        assert said["level"] == "error"
        assert key in said["reason"]
        assert child.process.poll() is None
