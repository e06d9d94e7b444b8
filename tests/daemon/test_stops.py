"""SIGTERM in the real daemon: it leaves in time whatever is away, says so, and takes nothing that it has drained."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.daemon.audit import expected_of, faults_in
from tests.daemon.indexing import IndexStage
from tests.daemon.putting import flowing, last_of, put_to
from tests.daemon.stage import Stage
from tests.support.kinesis_mock import split
from tests.support.proxy import Call, FaultProxy, fault_proxy
from tests.support.real_daemon import RealDaemon
from tests.support.search import SearchNode
from tests.support.staging import TABLE

pytestmark = pytest.mark.daemon
DRAINED = {0, 143}
FLUSH_S, FAILOVER_S, GRACE_S = 3, 5, 25
STOP = {
    "flushTimeoutSeconds": FLUSH_S,
    "failoverTimeMillis": FAILOVER_S * 1000,
    "shutdownGraceMillis": GRACE_S * 1000,
    "gracefulLeaseHandoffTimeoutMillis": 30_000,
}
FULL_S = 4  # the reading threads of KCL then wait for room, as they do whenever a destination is away for long
AWAY, THERE = "shardId-000000000001", "shardId-000000000000"


def away(call: Call) -> None:
    """Answer as a service that is away."""
    call.status = 503


def stopped(daemon: RealDaemon) -> float:
    """Send SIGTERM, and see the daemon leave well before its grace is over, with no line at error; the seconds."""
    began = time.monotonic()
    assert daemon.drain() in DRAINED
    daemon.await_end()
    took_s = time.monotonic() - began
    assert took_s < GRACE_S - 3, daemon.lines()[-20:]
    assert [line for line in daemon.lines() if line.get("level") == "error"] == []
    return took_s


def test_one_shard_cannot_be_written(stage: Stage, s3_proxy: FaultProxy, measured: Callable[[str], None]) -> None:
    """It is cut short in time; the other one is drained, and is not taken again, should KCL hand it out meanwhile."""
    properties = stage.properties(endpoint=s3_proxy.endpoint, **STOP)
    stage.prepare(properties)
    with flowing(stage, rate=300) as flow:
        with stage.daemon(properties) as daemon:
            daemon.await_shards("object_written", 2)
            s3_proxy.fault = lambda call: away(call) if AWAY in call.path else None
            full_at = time.monotonic() + FULL_S
            daemon.await_lines("waiting", bool)
            time.sleep(max(0.0, full_at - time.monotonic()))  # KCL tells nobody that its queue is full
            before = stage.leases()[AWAY].position
            measured(f"SIGTERM with S3 away for one of two shards: {stopped(daemon):.1f} s")
            assert [line["shard"] for line in daemon.lines("drained")] == [THERE]
            assert [line["shard"] for line in daemon.lines("drain_cut_short")] == [AWAY]
            assert len(daemon.lines("shard_taken")) == 2
            assert {line["shard"] for line in daemon.lines("shard_not_taken")} <= {THERE}
            written = [line for line in daemon.lines() if line.get("event") in {"object_written", "drained"}]
            assert [line["event"] for line in written if line["shard"] == THERE][-1] == "drained"
        assert stage.leases()[AWAY].position == before
        s3_proxy.fault = lambda _call: None
        with stage.daemon(properties) as daemon:
            daemon.await_shards("object_written", 2)
            ledger = flow.end()
            stage.await_committed(last_of(ledger))
    assert faults_in(stage, expected_of(ledger)) == []


def test_what_kcl_waits_for_in_vain(stage: Stage, s3_proxy: FaultProxy, measured: Callable[[str], None]) -> None:
    """A shard has ended while S3 is away, or DynamoDB never answers: Java leaves once all shards had their time."""
    with fault_proxy(stage.server.endpoint) as leases:
        properties = stage.properties(
            endpoint=s3_proxy.endpoint, **{**STOP, "dynamoDBEndpoint": leases.endpoint, "archive.maxAgeSeconds": 3600}
        )
        stage.prepare(properties)
        put_to(stage, 0, [b"not stored"])
        with stage.daemon(properties) as daemon:
            daemon.await_shards("shard_taken", 2)
            s3_proxy.fault = lambda call: away(call) if call.writes_object else None
            split(stage.server, stage.name, THERE)
            daemon.await_lines("waiting", bool)
            measured(f"SIGTERM with S3 away for a shard that has ended: {stopped(daemon):.1f} s")
            assert [line["shard"] for line in daemon.lines("drain_cut_short")] == [THERE]
            assert {line["shard"] for line in daemon.lines("shard_not_taken")} == {
                AWAY
            }  # drained, and handed out again
        s3_proxy.fault = lambda _call: None
        with stage.daemon(properties) as daemon:
            daemon.await_lines("shard_ended", bool)
            silent = threading.Event()
            leases.fault = lambda call: setattr(call, "before", silent.wait)
            try:
                measured(f"SIGTERM with DynamoDB silent: {stopped(daemon):.1f} s")
            finally:
                silent.set()


def test_each_other_destination_is_away(
    new_stage: Callable[[int], Stage], search: SearchNode, measured: Callable[[str], None]
) -> None:
    """The search server, the bucket of the dead letters and that of the rows: no daemon waits for any of them."""
    stage = new_stage(1)
    records = [b"no json %d" % number for number in range(30)]
    with (
        fault_proxy(search.endpoint) as searching,
        fault_proxy(stage.server.endpoint) as letters,
        fault_proxy(stage.server.endpoint) as rows,
        described(stage, "search", index_file(stage, search, "search", **{"index.url": searching.endpoint})) as one,
        described(stage, "letters", index_file(stage, search, "letters", **{LETTERS: letters.endpoint})) as two,
        described(stage, "rows", rows_file(stage, rows.endpoint)) as three,
    ):
        daemons = (one, two, three)
        for daemon in daemons:
            daemon.await_lines("shard_taken", bool)
        for proxy in (searching, letters, rows):
            proxy.fault = away
        put_to(stage, 0, [*records, *(b'{"event":"play","amount":%d}' % number for number in range(30))])
        for daemon in daemons:
            daemon.await_lines("waiting", bool)
        with ThreadPoolExecutor() as pool:
            for name, took_s in zip(("search", "letters", "rows"), pool.map(stopped, daemons), strict=True):
                measured(f"SIGTERM with the destination of {name} away: {took_s:.1f} s")
        assert all(daemon.lines("drain_cut_short") for daemon in daemons)


LETTERS = "index.deadLetters.endpoint"


def described(stage: Stage, name: str, properties: Path) -> RealDaemon:
    """Prepare a further application, and describe its daemon, with a runtime folder of its own."""
    stage.prepare(properties)
    runtime = stage.folder / f"runtime-{name}"
    runtime.mkdir(exist_ok=True)
    return stage.daemon(properties, {"RUNTIME_DIRECTORY": str(runtime)})


def index_file(stage: Stage, search: SearchNode, name: str, **keys: object) -> Path:
    """Write the file of an index."""
    own = {"applicationName": f"{stage.name}-{name}", "workerId": name, "index.maxRecords": 20, **STOP, **keys}
    path = IndexStage(stage, search).properties(**own)
    return path.rename(path.with_name(f"{name}.properties"))


def rows_file(stage: Stage, endpoint: str) -> Path:
    """Write the file of a table; nobody loads it."""
    table = stage.folder / "table.toml"
    table.write_text(TABLE)
    keys: dict[str, object] = {
        **stage.common,
        **STOP,
        "consumer": "redshift_stage",
        "applicationName": f"{stage.name}-rows",
        "workerId": "rows",
        "regionName": "us-east-1",
        "redshift.table": table,
        "redshift.bucket": stage.name,
        "redshift.endpoint": endpoint,
        "redshift.host": "localhost",
        "redshift.cluster": "cluster",
        "redshift.maxRecords": 20,
        "redshift.deadLetters.bucket": stage.name,
        "redshift.deadLetters.endpoint": stage.server.endpoint,
    }
    path = stage.folder / "rows.properties"
    path.write_text("".join(f"{key} = {value}\n" for key, value in keys.items()))
    return path
