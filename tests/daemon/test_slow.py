"""What is slow, with the real daemon: records that take long to judge, and a bucket that takes long to accept."""

import os
import time
from collections.abc import Iterator

import pytest
from backports import zstd

from tests.daemon.audit import faults_in
from tests.daemon.indexing import IndexStage
from tests.daemon.putting import last_in, put_to
from tests.daemon.stage import Stage
from tests.support.indexing import letters_of
from tests.support.search import SearchNode
from tests.support.slow_relay import SlowRelay, slow_relay

pytestmark = [
    pytest.mark.daemon,
    pytest.mark.skipif("OUTAGE_S" not in os.environ, reason="it takes minutes: make soak"),
]
BYTES_S = 100_000
STUCK_S = 5
WITHIN_S = 120
INFLATED_BYTES = (16 << 20) - 60  # just within what a payload may be inflated to


@pytest.fixture
def relay(stage: Stage) -> Iterator[SlowRelay]:
    """A way to S3 whose pace a test sets."""
    with slow_relay(stage.server.endpoint) as it:
        yield it


def test_upload_at_a_hundred_kilobytes_a_second(stage: Stage, relay: SlowRelay) -> None:
    """It takes three times as long as a process may hang: the same processes live on, and all is archived."""
    keys = {"archive.compression": "none", "archive.maxRecords": 25, "stuckSeconds": STUCK_S}
    properties = stage.properties(endpoint=relay.endpoint, **keys)
    stage.prepare(properties)
    with stage.daemon(properties) as daemon:
        daemon.await_shards("shard_taken", 2)
        first = put_to(stage, 0, [b"first"])
        stage.await_committed(last_in(first))
        processes = {daemon.pid, *daemon.children()}
        relay.up_bytes_s = BYTES_S
        began = time.monotonic()
        large = put_to(stage, 0, [os.urandom(30_000).hex().encode() for _ in range(25)])
        stage.await_committed(last_in(large))
        assert time.monotonic() - began > 2 * STUCK_S
        assert {daemon.pid, *daemon.children()} == processes
    assert faults_in(stage, {**first, **large}) == []


def test_records_that_take_long_to_judge(stage: Stage, search: SearchNode) -> None:
    """A delivery of 85 KiB that is inflated to a GiB passes in two minutes with the keys that are shipped."""
    slow = zstd.compress(b'{"a":[' + b",".join([b"[0]"] * (INFLATED_BYTES // 4)) + b'],"b":1,"b":2}', 19)
    index = IndexStage(stage, search)
    properties = index.properties(**{"index.maxRecords": 10_000})
    stage.prepare(properties)
    expected = put_to(stage, 0, [slow] * 60)
    with stage.daemon(properties) as daemon:
        daemon.await_shards("shard_taken", 2)
        began = time.monotonic()
        stage.await_committed(last_in(expected))
        assert time.monotonic() - began < WITHIN_S
        assert len(daemon.lines("shard_taken")) == 2
    letters = letters_of(stage.server, stage.name, stage.name)
    assert sorted(one.position for one in letters) == sorted(place.position for place in expected)
    assert {one.reason for one in letters} == {"duplicate_key"}
