"""Three hosts from nothing to an archiving fleet, by Ansible over ssh; then what operators and hosts do to it."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.audit import expected_of, faults_in, store_of
from tests.daemon.putting import Flow, last_of, play
from tests.daemon.stage import Stage, build
from tests.hosts.host import BASE, Host, hosts
from tests.hosts.rollout import SECRET, Rollout, environment, journal, reachable
from tests.support.archive import object_keys
from tests.support.servers import Server

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (BASE.parent / ".ready").exists(), reason="make test-hosts makes the hosts' base"),
]
RATE = 300.0
UNIT = "kinesis-consumer@s3_archive.service"
SHARDS = 3


class World:
    """The hosts, the stream, and records on their way into it."""

    def __init__(self, fleet: list[Host], stage: Stage, endpoint: str, folder: Path) -> None:
        self.hosts = fleet
        self.stage = stage
        self.properties: dict[str, Any] = {
            "streamName": stage.name,
            "applicationName": stage.name,
            "regionName": "us-east-1",
            "kinesisEndpoint": endpoint,
            "dynamoDBEndpoint": endpoint,
            "metricsLevel": "NONE",
            "jvm.shards": SHARDS,
            "jvm.options": "-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData -Daws.cborEnabled=false",
            "failoverTimeMillis": 5000,
            "idleTimeBetweenReadsInMillis": 1000,
            "archive.bucket": stage.name,
            "archive.endpoint": endpoint,
            "archive.region": "us-east-1",
            "archive.prefix": "raw",  # where the audit of these tests looks
            "archive.maxAgeSeconds": 2,
        }
        consumers = {"s3_archive": {"properties": self.properties, "environment": environment()}}
        variables = {
            "kinesis_fleet_consumers": consumers,
            "kinesis_fleet_secrets": {"s3_archive": {"canary": SECRET}},
            "kinesis_fleet_most_lag_seconds": 30,
        }
        self.rollout = Rollout(fleet, folder, variables)
        self.flow = Flow(stage, RATE, play())

    def settle(self) -> None:
        """Put no more, wait until all is archived, and compare."""
        ledger = self.flow.end()
        self.stage.await_committed(last_of(ledger))
        faults = faults_in(self.stage, expected_of(ledger))
        if faults:
            self.explain(faults)
        assert faults == []

    def explain(self, faults: list[str]) -> None:
        """Keep what tells how it came to this: every object's link, and what each host has logged."""
        kept = Path(tempfile.mkdtemp(prefix="kinesis-fleet-faults-"))
        store = store_of(self.stage)
        links = sorted(f"{key} {dict(store.metadata(key) or {})}" for key in object_keys(store))
        (kept / "faults").write_text("\n".join(faults))
        (kept / "links").write_text("\n".join(links))
        for host in self.hosts:
            (kept / host.name).write_text(host.try_run("journalctl --no-pager -o short-iso-precise").stdout)
        print(f"\n{len(faults)} faults: {kept}")

    def current(self) -> list[str]:
        """Give the current release of each host."""
        return [host.run("readlink /opt/kinesis-fleet/current") for host in self.hosts]

    def await_progress(self) -> None:
        """Wait until every record that was put up to now is archived."""
        self.stage.await_committed(last_of(self.flow.ledger))


def _records() -> Any:
    from tests.daemon.putting import play

    return play()


@pytest.fixture(scope="module")
def world(aws: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three hosts, rolled out from nothing."""
    folder = Path("/var/tmp") / f"kinesis-fleet-hosts-{time.time_ns():x}"  # noqa: S108 - overlays need a real disk
    folder.mkdir()
    stage = build(aws, tmp_path_factory.mktemp("stage"), SHARDS)
    try:
        with hosts(3, folder) as fleet, reachable(aws.endpoint) as endpoint:
            made = World(list(fleet), stage, endpoint, folder)
            made.flow.begin()
            yield made
            made.flow.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_from_nothing(world: World) -> None:
    """One run of the playbook makes three hosts archive; a second one changes nothing."""
    began = time.monotonic()
    done = world.rollout.play("site.yml")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(f"\nthree hosts from nothing in {time.monotonic() - began:.0f} s")
    world.await_progress()
    again = world.rollout.play("site.yml")
    assert again.returncode == 0, again.stdout[-3000:]
    assert set(world.rollout.changed(again).values()) == {0}, again.stdout[-6000:]


def test_check_tells_the_truth(world: World) -> None:
    """`--check` of what stands reports no change, and fails nowhere."""
    done = world.rollout.play("site.yml", "--check", "--diff")
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(world.rollout.changed(done).values()) == {0}, done.stdout[-3000:]


def test_hardened(world: World) -> None:
    """A unit that has leases is exposed by 1.5 at the most, and its lines are in the journal, each at its level."""
    for host in world.hosts:
        said = host.run(f"systemd-analyze security --no-pager {UNIT} | tail -1")
        exposure = float(said.split(":")[1].split()[0])
        print(f"\n{host.name}: exposure {exposure}")
        assert exposure <= 1.5
    entries = [entry for host in world.hosts for entry in journal(host, UNIT) if "line" in entry]
    assert {entry["line"]["event"] for entry in entries} >= {"shard_taken", "object_written"}
    levels = {"debug": "7", "info": "6", "warning": "4", "error": "3"}
    assert all(entry["PRIORITY"] == levels[entry["line"]["level"]] for entry in entries)
    errors = [entry["line"] for entry in entries if entry["line"]["level"] == "error"]
    assert errors == []


def test_rolling_deploy(world: World) -> None:
    """A changed release goes to one host after the other, and nothing is lost or doubled meanwhile."""
    before = world.current()
    world.properties["archive.maxAgeSeconds"] = 3
    began = time.monotonic()
    done = world.rollout.play("site.yml")
    assert done.returncode == 0, done.stdout[-6000:]
    print(f"\nrolled through three hosts in {time.monotonic() - began:.0f} s")
    after = world.current()
    assert all(one != other for one, other in zip(before, after, strict=True))
    world.await_progress()


def test_broken_release(world: World) -> None:
    """A release that cannot hold its leases stops at the first host, which goes back; the others are not touched."""
    before = world.current()
    world.rollout.variables["kinesis_fleet_ready_seconds"] = 20
    good = dict(world.properties)
    world.properties["archive.bucket"] = "there-is-no-such-bucket"
    done = world.rollout.play("site.yml")
    world.properties.clear()
    world.properties.update(good)
    world.rollout.variables["kinesis_fleet_ready_seconds"] = 180
    assert done.returncode != 0
    assert "does not hold on fleet-1" in done.stdout
    assert world.current() == before
    world.await_progress()


def test_wrong_properties(world: World) -> None:
    """Properties with a fault are refused by the release's own check, before anything is drained."""
    starts = [host.run(f"systemctl show -p ActiveEnterTimestamp {UNIT}") for host in world.hosts]
    world.properties["archive.prefiks"] = "x"
    done = world.rollout.play("site.yml")
    del world.properties["archive.prefiks"]
    assert done.returncode != 0
    assert "archive.prefix" in done.stdout + done.stderr
    assert [host.run(f"systemctl show -p ActiveEnterTimestamp {UNIT}") for host in world.hosts] == starts


def test_rollback(world: World) -> None:
    """The playbook goes back to the release before on every host."""
    before = world.current()
    done = world.rollout.play("rollback.yml")
    assert done.returncode == 0, done.stdout[-6000:]
    assert all(
        a != b for a, b in zip(before, [h.run("readlink /opt/kinesis-fleet/current") for h in world.hosts], strict=True)
    )
    world.await_progress()


def test_killed(world: World) -> None:
    """The JVM of one host and a child of another are killed (-9): systemd starts them again."""
    first, second, _ = world.hosts
    first.run(f"systemctl kill -s KILL --kill-who=main {UNIT}")
    second.try_run("pkill -9 -o -f 'consumers.child'")
    world.await_progress()


def test_reboot(world: World) -> None:
    """A host loses power and comes back: it takes part again by itself."""
    world.hosts[0].reboot()
    world.hosts[0].run(f"systemctl is-active {UNIT}")
    world.await_progress()


def test_frozen(world: World) -> None:
    """Everything on a host stands still for three lease times: the others take over, and it wakes up harmlessly."""
    host = world.hosts[1]
    host.freeze()
    time.sleep(3 * 5)  # three times failoverTimeMillis: the freeze is what is tested
    host.thaw()
    world.await_progress()


def test_partition(world: World) -> None:
    """A host that reaches neither DynamoDB nor S3 loses its leases, and comes back."""
    host = world.hosts[2]
    host.cut_off()
    world.await_progress()
    host.rejoin()
    world.await_progress()


def test_replaced(world: World) -> None:
    """A host is gone for good: the others have its shards, and the playbook brings a new one."""
    host = world.hosts[0]
    host.destroy()
    world.await_progress()
    host.make()
    host.boot()
    done = world.rollout.play("site.yml", hosts=[host])
    assert done.returncode == 0, done.stdout[-4000:]
    world.await_progress()


def test_secrets(world: World) -> None:
    """A secret stands in no journal, no command line, no file that others read, and in nothing that Ansible says."""
    done = world.rollout.play("site.yml", "-vvv", "--diff")
    assert SECRET not in done.stdout + done.stderr
    for host in world.hosts:
        assert SECRET not in host.run("journalctl --no-pager -o export | cat -v")
        assert SECRET not in host.run("ps axww -o args")
        found = host.run(f"grep -rlI {SECRET} /etc /opt /run /var/lib --exclude-dir=cgroup 2>/dev/null || true").split()
        assert found, "the secret is not there at all"
        readable = [path for path in found if "r" in host.run(f"stat -c %A {path}")[7]]
        assert not readable


def test_all_stands_once(world: World) -> None:
    """After all of it, each record that was put is archived once."""
    world.settle()
    print(f"\n{world.flow.ledger.put:,} records")
