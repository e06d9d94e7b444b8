"""The first start, in a bare locale, and a start that cannot succeed."""

import json
import subprocess
import sys

import pytest

from consumers.local.simulator import Kind, Produced
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_of
from tests.daemon.stage import Stage
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
PARTITION_KEYS = (
    "ключ",
    "Ångström",
    "日本語",
    "🦊" * 60,
    "\u2028",
    "a/b c",
    "../../etc",
    "%00",
    '"\\',
    "\x7f",
    "é" * 256,
)


def test_first_start_with_partition_keys_of_all_languages(stage: Stage) -> None:
    """Prepared leases are taken as they are, and under LANG=C each partition key is the same in the archive."""
    properties = stage.properties(initialPositionInStream="TRIM_HORIZON")
    assert "2 leases created at TRIM_HORIZON" in stage.prepare(properties)
    assert "0 leases created at TRIM_HORIZON, 2 kept" in stage.prepare(properties)
    prepared = stage.leases()
    assert {(row.checkpoint, row.owner) for row in prepared.values()} == {("TRIM_HORIZON", None)}
    records = [Produced(key, f"{i}".encode(), Kind.EVENT) for i in range(20) for key in PARTITION_KEYS]
    with flowing(stage, records, rate=0) as flow:
        ledger = flow.all_put()
    with stage.daemon(properties, {"LANG": "C", "LC_ALL": "C"}) as daemon:
        taken = daemon.await_shards("shard_taken", 2)
        assert {line["start"] for line in taken.values()} == {"TRIM_HORIZON"}
        stage.await_committed(last_of(ledger))
        assert set(stage.leases()) == set(prepared)
    assert "already" in stage.prepare(properties)
    assert faults_in(stage, expected_of(ledger)) == []


def test_child_that_dies_at_once(stage: Stage) -> None:
    """The daemon ends, with the reason in its log, instead of starting children again and again."""
    properties = stage.properties(shutdownGraceMillis=4000, flushTimeoutSeconds=3)
    stage.prepare(properties)
    before = stage.leases()
    child = f"{sys.executable} -m consumers.child {stage.folder / 'absent.properties'}"
    with stage.daemon_with_child(properties, child) as daemon:
        refused = daemon.await_lines("config_refused", bool)
        assert "cannot be read" in refused[0]["reason"]
        assert daemon.wait() == 1
        daemon.await_end()
        assert (
            len(daemon.lines("config_refused")) <= 2 * stage.shards
        )  # one a lease, and the grace lets each begin again
    rows = stage.leases()
    assert {shard: row.checkpoint for shard, row in rows.items()} == {s: row.checkpoint for s, row in before.items()}
    assert {row.owner_switches for row in rows.values()} <= {0, 1}


def test_leases_are_listed(stage: Stage) -> None:
    """`kinesis-fleet leases` waits until a daemon renews each, tells the lag, and notices when nobody renews."""
    properties = stage.properties()
    stage.prepare(properties)

    def leases(*options: str) -> subprocess.CompletedProcess[str]:
        command = [*FLEET, "leases", *options, str(properties)]
        return subprocess.run(
            command, cwd=ROOT, env=fleet_environment(stage.folder), check=False, capture_output=True, text=True
        )

    assert "nobody has its lease" in leases().stderr
    with flowing(stage) as flow, stage.daemon(properties) as daemon:
        held = leases("--wait", "120", "--worker", "mine", "--max-lag", "60", "--json")
        assert held.returncode == 0, held.stderr
        assert {one["owner"] for one in json.loads(held.stdout)} == {f"{stage.name}-worker"}
        flow.end()
        daemon.kill()
    stopped = leases()
    assert stopped.returncode == 1
    assert "it has stopped, or hangs" in stopped.stderr
