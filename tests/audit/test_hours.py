"""`kinesis-fleet hours` answers why a report has not started."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from consumers.chain.layout import Layout
from consumers.hours.hours import Hours, frontier_key
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Note
from consumers.hours.mark import Mark, load, mark_key
from consumers.hours.revisions import Manifests
from consumers.hours.times import hour_of, hour_text
from consumers.parts import Start
from consumers.records import HOUR_MS, Position
from consumers.s3.store import S3Store
from consumers.stream import StreamShards
from tests.support.archive import BUCKET, archive_of, write_properties
from tests.support.hours import SHARD, OneShard, past_records
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import KEYS, Server

LAYOUT = Layout("raw", "dt=%Y-%m-%d/hour=%H", "events", ".gz")
LAST_MS = hour_of(int(time.time() * 1000)) - 2 * HOUR_MS  # not the last one: the present hour may just have begun


@pytest.fixture
def stream(aws: Server) -> str:
    """A stream of two shards."""
    name = f"hours-{uuid4().hex[:8]}"
    aws.client("kinesis").create_stream(StreamName=name, ShardCount=2)
    return name


def hours(s3: Server, aws: Server, folder: Path, stream: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the command: its exit code, and a line for each hour."""
    properties = write_properties(folder, s3.endpoint, kinesisEndpoint=aws.endpoint, streamName=stream)
    command = [*FLEET, "hours", "--json", *options, str(properties)]
    ran = subprocess.run(command, env=fleet_environment(folder), check=False, capture_output=True, text=True)
    assert ran.stdout, ran.stderr
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]


def test_says_which_shard_an_hour_waits_for_and_how_far_it_is_behind(
    s3: Server, aws: Server, folder: Path, stream: str
) -> None:
    """One shard has passed, the other has not begun; then it is behind, and its lag is told."""
    store = archive_of(s3)
    listed = StreamShards({"StreamName": stream}, KEYS["AWS_DEFAULT_REGION"], aws.endpoint).list()
    it = OneShard(store, stream=stream, shards=listed)
    it.deliver(past_records())
    it.idle()
    assert it.log.of("watermark_later") == []
    code, states = hours(s3, aws, folder, stream, "--from", hour_text(LAST_MS), "--to", hour_text(LAST_MS))
    (last,) = states
    assert (code, last["state"]) == (1, "waiting")
    assert [(one["shard"], one["why"]) for one in last["waitsFor"]] == [("shardId-000000000001", "it has not begun")]
    other = OneShard(store, shard="shardId-000000000001", stream=stream, shards=listed)
    records = past_records()
    other.deliver(records[:6])
    other.deliver([], caught_up=False)
    _, (last,) = hours(s3, aws, folder, stream, "--from", hour_text(LAST_MS), "--to", hour_text(LAST_MS))
    (behind,) = last["waitsFor"]
    lag_s = time.time() - records[5].arrival_ms / 1000
    assert (behind["shard"], behind["why"]) == ("shardId-000000000001", "its watermark is behind")
    assert abs(behind["lagSeconds"] - lag_s) < 60
    assert "kinesis-fleet leases" in behind["remedy"]
    assert last["waitedSeconds"] > 3600
    other.deliver(records[6:])
    other.idle()
    code, states = hours(s3, aws, folder, stream, "--to", hour_text(LAST_MS))
    assert code == 0
    assert {state["state"] for state in states} == {"before the first", "complete"}


def test_marker_and_manifest_hold_the_sums(s3: Server) -> None:
    """A job needs `_SUCCESS` alone: it names the manifest, and says how much there is."""
    store = archive_of(s3)
    it = OneShard(store)
    records = past_records()
    it.deliver(records)
    it.idle()
    first = store.find(f"{LAYOUT.folder(records[0].arrival_ms)}{SUCCESS}")
    assert first
    note = msgspec.json.decode(first.body, type=Note)
    assert (note.totals.objects, note.totals.records, note.totals.payload_bytes) == (4, 20, 170)
    assert store.find(note.manifest)


def test_late_data_makes_a_revision_and_a_note(s3: Server, aws: Server, folder: Path) -> None:
    """Never silent: a new manifest, `_LATE`, a log line with the counts; the first manifest stays as it was."""
    store = archive_of(s3)
    it = OneShard(store)
    records = past_records()
    it.deliver(records[:-1])
    it.idle()
    late = msgspec.structs.replace(records[-1], arrival_ms=records[3].arrival_ms)
    first = store.find(f"{LAYOUT.folder(late.arrival_ms)}_manifest.0001.json")
    it.deliver([late])
    it.deliver([])
    folder_key = LAYOUT.folder(late.arrival_ms)
    found = store.find(f"{folder_key}{LATE}")
    assert found
    note = msgspec.json.decode(found.body, type=Note)
    assert (note.revision, note.manifest, note.totals.records) == (2, f"{folder_key}_manifest.0002.json", 21)
    assert store.find(f"{folder_key}_manifest.0001.json") == first
    (said,) = it.log.of("late_data")
    assert (said["late_objects"], said["late_records"], said["revision"]) == (1, 1, 2)


@pytest.mark.parametrize(("initial", "marker"), [("LATEST", INCOMPLETE), ("TRIM_HORIZON", SUCCESS)])
def test_a_start_at_latest_leaves_its_hour_incomplete(s3: Server, initial: str, marker: str) -> None:
    """What came before the start is not in the archive, and the hour says so for good; the next one is complete."""
    store, began_ms = archive_of(s3), LAST_MS - HOUR_MS
    it = OneShard(Shifted(store, began_ms + 600_000), start=Start(None, initial))
    record = msgspec.structs.replace(past_records()[0], arrival_ms=began_ms + 600_000)
    it.deliver([record])
    it.idle(2)
    OneShard(store, start=Start(it.committed, None)).idle()
    markers = [entry.key.rpartition("/")[2] for entry in store.list(LAYOUT.folder(began_ms))]
    assert [name for name in markers if name in {SUCCESS, INCOMPLETE}] == [marker]
    assert store.find(f"{LAYOUT.folder(LAST_MS)}{SUCCESS}")


def test_another_streams_records_do_not_come_under_one_marker(s3: Server) -> None:
    """A prefix belongs to one stream; a second one is parked before it writes anything."""
    store = archive_of(s3)
    OneShard(store).deliver(past_records()[:3])
    other = OneShard(store, stream="other", deadline=1.0)
    with pytest.raises(TimeoutError):
        other.deliver(past_records()[:3])
    (said,) = other.log.of("parked")
    assert str(said["reason"]).startswith("prefix 'raw' belongs to app us-east-1:events")


def test_watermark_survives_a_restart_and_is_never_set_back(s3: Server) -> None:
    """A new lease goes on from the mark; a process that knows less does not lower it."""
    store = archive_of(s3)
    zombie, it = OneShard(store), OneShard(store)
    records = past_records()
    zombie.deliver(records[:10])
    it.deliver(records)
    it.idle()
    before = mark(store)
    zombie.deliver(records[10:12], caught_up=False)
    zombie.deliver([], caught_up=False)
    assert mark(store).watermark_ms == before.watermark_ms
    later = OneShard(store, start=Start(Position(int(records[-1].sequence_number), 0), None))
    later.deliver([])
    assert mark(store) == before


def test_a_hosts_clock_is_not_asked(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is an hour ahead dates nothing: the watermark keeps to the server's time."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    store = S3Store(archive_of(s3).access)
    it = OneShard(store)
    it.idle()
    assert mark(store).watermark_ms <= real() * 1000 + 1000


def test_writes_are_bounded(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a quiet shard, one small write in an interval, and nothing where nothing moved."""
    store = archive_of(s3)
    it = OneShard(store)
    it.deliver(past_records())
    it.idle()
    before = dict(store.requests)
    it.now -= 61 * 20
    for _ in range(20):
        it.pipeline.offer([], it.now, caught_up=True)
        it.pipeline.settle()
        it.now += 0.01
    assert store.requests["PutObject"] - before["PutObject"] <= 1


def mark(store: S3Store) -> Mark:
    """Read the shard's mark."""
    found, _ = load(store, mark_key("app", "events", SHARD))
    assert found
    return found


class Shifted(S3Store):
    """A bucket whose clock stands at a moment."""

    def __init__(self, store: S3Store, now_ms: int) -> None:
        super().__init__(store.access)
        self.stands_ms = now_ms

    def now_ms(self) -> int:
        """Return that moment."""
        return self.stands_ms


def test_hours_that_are_decided_again_change_nothing(s3: Server) -> None:
    """Whoever finds an hour complete once more, as after a crash in the middle, leaves what stands."""
    store = archive_of(s3)
    it = OneShard(store)
    it.deliver(past_records())
    it.idle()
    before = list(store.list("raw/"))
    s3.client("s3").delete_object(Bucket=BUCKET, Key=frontier_key("app", "events"))
    again = Hours(store, it, it.hours, Manifests(store, it.hours, [it.hours.layout], it.log))
    for _ in range(3):  # with the minute that it is, they are four or five, of which four are decided at once
        again.advance(mark(store).watermark_ms)
    assert list(store.list("raw/")) == before
