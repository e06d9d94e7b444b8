"""Three hosts from nothing to an archiving fleet, by Ansible over ssh; then what operators do to it."""

import time
from pathlib import Path

import pytest

from tests.daemon.stage import build
from tests.hosts.cost import cost
from tests.hosts.former import FORMER, former_wheelhouse
from tests.hosts.rollout import SECRET, WHEELHOUSE, secrets
from tests.hosts.timeline import journal
from tests.hosts.world import UNIT, World
from tests.support.real_daemon import LIVENESS_S
from tests.support.servers import Server

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]
UNITS = (
    UNIT,
    "kinesis-watch@s3_archive.service",
    "kinesis-restart@s3_archive.service",
    "kinesis-loader@redshift_stage.service",
    "kinesis-audit@s3_archive.service",
)


def test_from_nothing(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One run of the playbook makes three hosts archive, by the version before; a second one changes nothing."""
    world.rollout.wheelhouse = former_wheelhouse(tmp_path_factory.mktemp("former"))
    world.rollout.run("site.yml", "--check", hosts=world.hosts[:1])
    assert world.hosts[0].run("ls /opt") == "", "--check has changed the host"
    began = time.monotonic()
    world.rollout.run("site.yml")
    print(f"\nthree hosts from nothing in {time.monotonic() - began:.0f} s")
    world.await_progress()
    again = world.rollout.run("site.yml")
    assert set(world.rollout.changed(again).values()) == {0}, again.stdout[-6000:]


def test_check_tells_the_truth(world: World) -> None:
    """`--check` of what stands reports no change, and fails nowhere."""
    done = world.rollout.run("site.yml", "--check", "--diff", hosts=world.hosts[:1])
    assert set(world.rollout.changed(done).values()) == {0}, done.stdout[-3000:]


def test_hardened(world: World) -> None:
    """A unit that has leases is exposed by 1.5 at the most, and so is each other one; systemd finds no fault."""
    host = world.hosts[0]
    assert "s3_archive" in host.run(f"systemctl show -P MainPID {UNIT} | xargs -I@ cat /proc/@/cmdline | tr '\\0' ' '")
    for unit in UNITS:
        said = host.run(f"systemd-analyze security --no-pager {unit} | tail -1")
        exposure = float(said.split(":")[1].split()[0])
        print(f"\n{unit}: exposure {exposure}")
        assert exposure <= 1.5
        assert host.run(f"systemd-analyze verify {unit} 2>&1") == ""


def test_lines(world: World) -> None:
    """Each line of a consumer is one entry of the journal, at its own level; a start and a deploy are no errors."""
    entries = [entry for host in world.hosts for entry in journal(host, UNIT) if "line" in entry]
    assert {entry["line"]["event"] for entry in entries} >= {"shard_taken", "object_written"}
    levels = {"debug": "7", "info": "6", "warning": "4", "error": "3"}
    assert all(entry["PRIORITY"] == levels[entry["line"]["level"]] for entry in entries)
    errors = [entry["line"] for entry in entries if entry["line"]["level"] == "error"]
    assert errors == []


def test_rolling_deploy(world: World) -> None:
    """A new version of amazon-kclpy goes to one host after the other, and nothing is lost or doubled meanwhile."""
    before = world.current()
    assert world.kclpy() == [FORMER] * 3
    world.rollout.wheelhouse = WHEELHOUSE
    world.properties["archive.maxAgeSeconds"] = 3
    since, began = time.time(), time.monotonic()
    world.rollout.run("site.yml")
    print(f"\nrolled through three hosts in {time.monotonic() - began:.0f} s")
    after = world.current()
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert FORMER not in world.kclpy()
    found = world.say_idle("rolling deploy", since)
    assert found
    assert max(found.values()) < LIVENESS_S
    world.insist_on_none_again(since)


def test_changed_secret(world: World) -> None:
    """A changed secret is no release: the consumers that have it start again, and nothing else is changed."""
    host, before = world.hosts[0], world.current()
    main = host.run(f"systemctl show -P MainPID {UNIT}")
    world.rollout.variables["kinesis_fleet_secrets"]["s3_archive"]["canary"] = f"{SECRET}-2"
    done = world.rollout.run("site.yml", hosts=[host])
    assert world.current() == before
    assert host.run(f"systemctl show -P MainPID {UNIT}") != main
    assert "Wait until" in done.stdout.partition("RUNNING HANDLER")[2]
    assert SECRET not in done.stdout


def test_broken_release(world: World) -> None:
    """A release that cannot hold its leases stops at the first host, which goes back; the others are not touched."""
    before = world.current()
    bucket = world.properties["archive.bucket"]
    world.properties["archive.bucket"] = "there-is-no-such-bucket"
    with world.impatient():
        done = world.rollout.play("site.yml")
    world.properties["archive.bucket"] = bucket
    assert done.returncode != 0
    assert "does not hold on fleet-1" in done.stdout
    assert world.current() == before


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
    """The playbook goes back to the release before, never forward, and never further where a host has gone already."""
    (left,) = set(world.current())
    world.rollout.run("rollback.yml", hosts=world.hosts[:1])
    (before,) = set(world.current()) - {left}
    none = ("-e", "kinesis_fleet_rollback_to=there-is-none")
    for options, words in (((), "do not stand at one release"), (none, "no release there-is-none")):
        refused = world.rollout.play("rollback.yml", *options)
        assert refused.returncode != 0
        assert words in refused.stdout, refused.stdout[-3000:]
    assert sorted(world.current()) == sorted((before, left, left))
    done = world.rollout.run("rollback.yml", "-e", f"kinesis_fleet_rollback_to={Path(before).name}")
    assert set(world.current()) == {before}
    assert world.kclpy() == [FORMER] * 3
    assert world.rollout.changed(done)["fleet-1"] == 0
    again = world.rollout.play("rollback.yml")
    assert again.returncode != 0
    assert "that has held on fleet-1" in again.stdout, again.stdout[-3000:]


def test_rollback_of_an_added_consumer(world: World, aws: Server, tmp_path: Path) -> None:
    """A release that adds a consumer which cannot run is taken back whole: the others run as before."""
    host = world.hosts[0]
    before = world.current()
    other = build(aws, tmp_path, 1)
    own = {"streamName": other.name, "applicationName": other.name, "archive.bucket": "there-is-no-such-bucket"}
    world.consumers["broken"] = {"properties": {**world.properties, "consumer": "s3_archive", **own}}
    world.rollout.variables["kinesis_fleet_secrets"]["broken"] = secrets()
    with world.impatient():
        done = world.rollout.play("site.yml", hosts=[host])
    del world.consumers["broken"], world.rollout.variables["kinesis_fleet_secrets"]["broken"]
    assert done.returncode != 0
    assert "The host is back at" in done.stdout, done.stdout[-6000:]
    assert world.current() == before
    assert host.run(f"systemctl is-active {UNIT}").strip() == "active"
    assert host.try_run("systemctl is-enabled kinesis-consumer@broken.service").stdout.strip() == "disabled"


def test_idle(world: World, aws: Server, tmp_path: Path) -> None:
    """A second consumer is added to one host, and removed: eight quiet shards, and what they cost."""
    quiet = build(aws, tmp_path, 8)
    own = {"streamName": quiet.name, "applicationName": quiet.name, "archive.bucket": quiet.name, "jvm.shards": 8}
    properties = {**world.properties, "consumer": "s3_archive", **own}
    world.consumers["quiet"] = {"properties": properties}
    world.rollout.variables["kinesis_fleet_secrets"]["quiet"] = secrets()
    host, unit = world.hosts[0], "kinesis-consumer@quiet.service"
    world.rollout.run("site.yml", hosts=[host])
    time.sleep(30)  # Java compiles while it begins
    before, began = cost(host, unit), time.monotonic()
    time.sleep(30)  # what is measured is half a minute in which nothing happens
    after = cost(host, unit)
    share = 100 * (after.cpu_s - before.cpu_s) / (time.monotonic() - began)
    print(
        f"\nidle consumer with 8 shards: {after.mib:,.0f} MiB in {after.processes} processes, {share:.1f} % of a core"
    )
    assert after.processes == 1 + 8
    assert after.mib < 4096
    del world.consumers["quiet"]
    world.rollout.run("site.yml", "--tags", "deploy", hosts=[host])
    assert host.run(f"systemctl show -P FragmentPath {UNIT}").strip() == "/etc/systemd/system/kinesis-consumer@.service"
    assert "releases" not in host.run("ls -l /etc/systemd/system /etc/systemd/system/kinesis-fleet.target.wants")
    for gone in (unit, "kinesis-watch@quiet.timer"):
        assert host.try_run(f"systemctl is-active {gone}").stdout.strip() == "inactive"
        assert host.try_run(f"systemctl is-enabled {gone}").stdout.strip() == "disabled"
