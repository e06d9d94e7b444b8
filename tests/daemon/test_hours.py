"""Hours with the real daemon: complete when all of it is there, whatever becomes of shards and workers meanwhile."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from consumers.chain.layout import Layout, position_in, shard_in
from consumers.chain.store import Entry
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Manifest, Note
from consumers.local.ledger import Ledger
from consumers.objects.reader import fetch
from consumers.records import HOUR_MS
from consumers.s3.store import S3Store
from consumers.sequence import PUT_TO_ARRIVAL_MS, put_ms
from consumers.stream import prefetch_of
from tests.daemon.audit import expected_of, faults_in, store_of
from tests.daemon.putting import flowing, last_of, put_to
from tests.daemon.stage import Row, Stage, build
from tests.support.blocked_child import RELEASE
from tests.support.kinesis_mock import arrivals_of, kinesis_mock, merge, split
from tests.support.real_daemon import Line
from tests.support.servers import Server
from tests.support.shifted_clock import ShiftedClock, s3_by_clock

pytestmark = pytest.mark.daemon
LEAD_S = 45
"""From the servers' start to the hour's end: by then each worker must have a shard."""
RATE = 40.0
HASTE = {
    "jvm.shards": 8,  # a worker takes no more, and one is to have all that the reshards leave
    "failoverTimeMillis": 4000,
    # KCL counts a worker as alive for two of its reports, and until then offers it shards and waits for the hand-over.
    "workerMetricsReporterFreqInMillis": 2000,
    "gracefulLeaseHandoffTimeoutMillis": 5000,
    "shutdownGraceMillis": 5000,
    "flushTimeoutSeconds": 4,
    "archive.graceSeconds": 2,
    "archive.watermarkSeconds": 1,
    "archive.maxAgeSeconds": 1,
}
FILL_S = 4.0  # 20 times the pause between two reads: whatever KCL fetches ahead, it has fetched

Places = set[tuple[str, int]]


def test_reshard_and_a_frozen_worker_across_the_end_of_an_hour(aws: Server, folder: Path) -> None:
    """An hour's `_SUCCESS` comes only when all acknowledged records of it stand, and nothing of it follows.

    A worker is frozen for longer than its lease across the hour's end, and its shard is split meanwhile. The stream
    and S3 are hours ahead of the host, whose clock counts for nothing.
    """
    clock = ShiftedClock.before_the_hour(LEAD_S)
    with kinesis_mock(clock) as mock, s3_by_clock(aws.endpoint, clock) as s3:
        stage = build(aws, folder, 2, mock)
        other = replace(stage, folder=folder / "frozen")
        other.folder.mkdir()
        near = {"endpoint": s3, "kinesisEndpoint": mock.endpoint, **HASTE}
        stage.prepare(stage.properties(workerId="steady", **near))
        end_ms = clock.next_hour_ms()
        hour = layout_of(stage).folder(end_ms - HOUR_MS)
        with (
            flowing(replace(stage, server=mock), rate=RATE) as flow,
            stage.daemon(stage.properties(workerId="steady", **near)) as steady,
        ):
            steady.await_shards("shard_taken", 2)
            with other.daemon(other.properties(workerId="frozen", **near)) as frozen:
                (shard,) = frozen.await_shards("object_written", 1)
                assert clock.now_ms() < end_ms - 4000, "LEAD_S is too short for this machine"
                clock.wait_until(end_ms - 3000)
                frozen.freeze()
                before = len(steady.lines())
                clock.wait_until(end_ms - 2000)
                children = split(mock, stage.name, shard)
                steady.await_lines("hour_complete", bool)
                found = {entry.key: entry for entry in store_of(stage).list(hour)}
                stood = places_in(store_of(stage), found)
                assert {shard, *children} <= taken_before_the_hour_was_complete(steady.lines()[before:])
                frozen.thaw()
                frozen.await_lines("shard_given_up", bool)
                merged = merge(mock, stage.name)
                stage.await_leases(lambda rows: merged in rows and rows[merged].position is not None)
                ledger = flow.end()
                await_all_committed(stage, ledger)
        arrivals = arrivals_of(mock, stage.name)
    store = store_of(stage)
    assert faults_in(stage, expected_of(ledger)) == []
    assert arrivals.keys() == {(entry.shard, entry.sequence) for entry in ledger}
    assert all(0 <= ms - (put_ms(sequence) or 0) < PUT_TO_ARRIVAL_MS for (_, sequence), ms in arrivals.items())
    assert stood == {place for place, ms in arrivals.items() if ms < end_ms}
    assert {shard, *children} <= {shard for shard, _ in stood}
    assert_manifest_lists(store, hour, found)
    assert {entry.key for entry in store.list(hour)} == set(found)
    next_hour = {name_of(entry.key) for entry in store.list(layout_of(stage).folder(end_ms))}
    assert next_hour
    assert not {SUCCESS, INCOMPLETE, LATE} & next_hour


def test_no_more_stale_reads_than_the_watermark_allows_for(new_stage: Callable[[int], Stage]) -> None:
    """After a delivery that took long, KCL hands over fewer reads from before than the watermark is dated back by."""
    stage = new_stage(1)
    properties = stage.properties(idleTimeBetweenReadsInMillis=200, **{"archive.watermarkSeconds": 1})
    stage.prepare(properties)
    child = f"{sys.executable} -m tests.support.blocked_child {{file}}"
    with stage.daemon_with_child(properties, child) as daemon:
        daemon.await_lines("blocked", bool)
        before = len(daemon.lines("delivery"))
        time.sleep(FILL_S)  # no event tells that KCL fetches no more
        put_to(stage, 0, [b"what the stale reads do not know of"])
        (stage.folder / RELEASE).touch()
        daemon.await_lines("delivery", lambda lines: any(line["records"] for line in lines))
    after = daemon.lines("delivery")[before:]
    stale = next(at for at, line in enumerate(after) if line["records"])
    assert {line["behind_ms"] for line in after[:stale]} == {0}, "they look like reads of the end of the shard"
    assert 0 < stale < prefetch_of({}), f"{stale} stale reads; KCL 3.1.3 gives 4"


def layout_of(stage: Stage) -> Layout:
    return Layout("raw", "dt=%Y-%m-%d/hour=%H", stage.name, ".gz")


def places_in(store: S3Store, keys: Iterable[str]) -> Places:
    """Read objects: the shard and the sequence number of each record."""
    objects = [key for key in keys if position_in(key)]
    return {(shard_in(key), record.position.sequence) for key in objects for record in fetch(store, key)}


def name_of(key: str) -> str:
    return key.rpartition("/")[2]


def taken_before_the_hour_was_complete(lines: Sequence[Line]) -> set[str]:
    """Give the shards that a worker has taken before it found the hour complete."""
    complete = next(at for at, line in enumerate(lines) if line.get("event") == "hour_complete")
    return {line["shard"] for line in lines[:complete] if line.get("event") == "shard_taken"}


def assert_manifest_lists(store: S3Store, hour: str, found: Mapping[str, Entry]) -> None:
    """The hour has one manifest, which `_SUCCESS` names, and it lists each object as it stands, and no other."""
    objects = {key: (entry.size, entry.version) for key, entry in found.items() if position_in(key)}
    manifest_key = f"{hour}_manifest.0001.json"
    assert found.keys() - objects.keys() == {manifest_key, f"{hour}{SUCCESS}"}
    note = msgspec.json.decode(store.get(f"{hour}{SUCCESS}"), type=Note)
    manifest = msgspec.json.decode(store.get(manifest_key), type=Manifest)
    listed = [one for part in manifest.shards for one in part.objects]
    assert sorted((one.key, one.bytes, one.version) for one in listed) == sorted(
        (key, *said) for key, said in objects.items()
    )
    assert (manifest.complete, manifest.holes) == (True, ())
    assert (note.manifest, note.totals) == (manifest_key, manifest.totals)
    assert manifest.totals.records == len(places_in(store, found))
    for one in listed:
        assert hashlib.sha256(store.get(one.key)).hexdigest() == one.sha256


def await_all_committed(stage: Stage, ledger: Ledger) -> None:
    """Wait until each shard's checkpoint is at its last record or its end."""
    last = last_of(ledger)

    def reached(rows: Mapping[str, Row]) -> bool:
        return all(
            row.checkpoint == "SHARD_END" or (row.position is not None and row.position >= position)
            for row, position in ((rows[shard], position) for shard, position in last.items() if shard in rows)
        )

    stage.await_leases(reached)
