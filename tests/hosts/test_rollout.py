"""Three hosts from nothing to an archiving fleet, by Ansible over ssh; then what operators and hosts do to it."""

import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.daemon.stage import build
from tests.hosts.cost import cost
from tests.hosts.host import BASE
from tests.hosts.rollout import SECRET, secrets
from tests.hosts.timeline import journal, redelivered, stays
from tests.hosts.world import SHARDS, UNIT, World
from tests.support.real_daemon import LIVENESS_S
from tests.support.servers import Server

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (BASE.parent / ".ready").exists(), reason="make test-hosts makes the hosts' base"),
]
UNITS = (
    UNIT,
    "kinesis-watch@s3_archive.service",
    "kinesis-restart@s3_archive.service",
    "kinesis-loader@redshift_stage.service",
    "kinesis-audit@s3_archive.service",
)
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
CLOCK = (
    "Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME={offset} "
    "FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1\n"
)
WATCH_DROP_INS = "/etc/systemd/system/kinesis-watch@s3_archive.service.d"
WATCH = (
    "ExecStart=/opt/kinesis-fleet/current/venv/bin/kinesis-fleet watch --for 15 "
    "/opt/kinesis-fleet/current/etc/s3_archive.properties\n"
)


def test_from_nothing(world: World) -> None:
    """One run of the playbook makes three hosts archive; a second one changes nothing."""
    told = world.rollout.play("site.yml", "--check", hosts=world.hosts[:1])
    assert told.returncode == 0, told.stdout[-6000:]
    assert world.hosts[0].run("ls /opt") == "", "--check has changed the host"
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
    """A changed release goes to one host after the other, and nothing is lost or doubled meanwhile."""
    before = world.current()
    world.properties["archive.maxAgeSeconds"] = 3
    since, began = time.time(), time.monotonic()
    done = world.rollout.play("site.yml")
    assert done.returncode == 0, done.stdout[-6000:]
    print(f"\nrolled through three hosts in {time.monotonic() - began:.0f} s")
    after = world.current()
    assert all(one != other for one, other in zip(before, after, strict=True))
    found = world.say_idle("rolling deploy", since)
    assert found
    assert max(found.values()) < LIVENESS_S
    assert redelivered(stays(world.hosts, UNIT), since) == []


def test_restart(world: World) -> None:
    """A restart of the daemon that hands leases out delivers nothing again."""
    host, since = world.leader(), time.time()
    host.run(f"systemctl restart {UNIT}")
    assert world.say_idle("restart of the leading daemon", since)
    assert redelivered(stays(world.hosts, UNIT), since) == []


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
    """The playbook goes back to the release before on every host, and never forward."""
    before = world.current()
    done = world.rollout.play("rollback.yml")
    assert done.returncode == 0, done.stdout[-6000:]
    assert all(one != other for one, other in zip(before, world.current(), strict=True))
    again = world.rollout.play("rollback.yml")
    assert again.returncode != 0
    assert "no release on fleet-1 that has held before the current one" in again.stdout, again.stdout[-3000:]
    world.await_progress()


def test_rollback_of_an_added_consumer(world: World, aws: Server, tmp_path: Path) -> None:
    """A release that adds a consumer which cannot run is taken back whole: the others run as before."""
    host = world.hosts[0]
    before = world.current()
    other = build(aws, tmp_path, 1)
    own = {"streamName": other.name, "applicationName": other.name, "archive.bucket": "there-is-no-such-bucket"}
    world.consumers["broken"] = {"properties": {**world.properties, "consumer": "s3_archive", **own}}
    world.rollout.variables["kinesis_fleet_secrets"]["broken"] = secrets()
    world.rollout.variables["kinesis_fleet_ready_seconds"] = 20
    done = world.rollout.play("site.yml", hosts=[host])
    world.rollout.variables["kinesis_fleet_ready_seconds"] = 180
    del world.consumers["broken"], world.rollout.variables["kinesis_fleet_secrets"]["broken"]
    assert done.returncode != 0
    assert "The host is back at" in done.stdout, done.stdout[-6000:]
    assert world.current() == before
    assert host.run(f"systemctl is-active {UNIT}").strip() == "active"
    assert host.try_run("systemctl is-enabled kinesis-consumer@broken.service").stdout.strip() == "disabled"
    world.await_progress()


def test_killed(world: World) -> None:
    """The JVM of one host and a child of another are killed (-9): systemd starts them again."""
    for host in world.hosts[:2]:
        since = time.time()
        host.run(f"systemctl kill -s KILL --kill-who=main {UNIT}")
        world.say_idle("kill -9 of a JVM", since)
    for host in world.hosts[1:]:
        since = time.time()
        host.try_run("pkill -9 -o -f 'consumers.child'")
        world.say_idle("kill -9 of a child", since)


def test_reboot(world: World) -> None:
    """A host loses power and comes back: it takes part again by itself."""
    since = time.time()
    world.hosts[0].reboot()
    world.hosts[0].run(f"systemctl is-active {UNIT}")
    world.say_idle("power loss and boot", since)


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


def test_wrong_clock(world: World) -> None:
    """A host's wall clock is an hour ahead, then an hour behind: KCL's leases and the archive's hours do not mind."""
    host = world.leader()
    for offset in ("+1h", "-1h"):
        host.run(f"mkdir -p {DROP_INS} && printf '[Service]\n{CLOCK.format(offset=offset)}' > {DROP_INS}/clock.conf")
        since = time.time()
        host.run(f"systemctl daemon-reload && systemctl restart {UNIT}")
        world.await_lines(host, since, "metrics")
        world.say_idle(f"clock {offset}", since)
        held = sum(several[-1].host == host.name for several in stays(world.hosts, UNIT).values())
        print(f"\nthe host whose clock is wrong by {offset} has {held} of {SHARDS} shards")
        told = world.await_lines(host, since, "metrics")[-1]["line"]["timestamp"]
        shown = datetime.fromisoformat(told).timestamp() - time.time()
        assert abs(abs(shown) - 3600) < 600, "the clock was not wrong"
    host.run(f"rm {DROP_INS}/clock.conf && systemctl daemon-reload && systemctl restart {UNIT}")
    world.await_progress()


def test_full_disk(world: World) -> None:
    """A host's disk is full, also for a new start: nothing that the consumer needs is on it."""
    host = world.hosts[1]
    host.fill()
    since = time.time()
    host.run(f"systemctl restart {UNIT}")
    world.await_progress()
    host.run(f"systemctl is-active {UNIT}")
    host.empty()
    world.say_idle("restart on a full disk", since)


def test_hung(world: World) -> None:
    """A daemon that stands still while no other is there is seen by the watch, shows its threads, and starts again."""
    host = world.leader()
    others = [one for one in world.hosts if one is not host]
    for one in others:
        one.run(f"systemctl stop {UNIT}")
    world.await_progress()
    host.run(f"mkdir -p {WATCH_DROP_INS} && printf '[Service]\nExecStart=\n{WATCH}' > {WATCH_DROP_INS}/soon.conf")
    host.run("systemctl daemon-reload")
    main, since = host.run(f"systemctl show -P MainPID {UNIT}").strip(), time.time()
    host.run(f"kill -STOP {main}")
    host.try_run("systemctl start kinesis-watch@s3_archive.service")
    world.await_progress()
    print(f"\nhung daemon: records stored again after {time.time() - since:.0f} s, of which 15 s were looked at")
    assert host.run(f"systemctl show -P MainPID {UNIT}").strip() != main
    said = [entry["line"] for entry in journal(host, "kinesis-watch@s3_archive.service", since) if "line" in entry]
    assert any(line["event"] == "unheld" and "does not renew" in line["reason"] for line in said)
    assert "Full thread dump" in host.run(f"journalctl -u {UNIT} --no-pager -o cat --since @{since:.0f}")
    host.run(f"rm {WATCH_DROP_INS}/soon.conf && systemctl daemon-reload")
    for one in others:
        one.run(f"systemctl start {UNIT}")
    world.await_progress()


def test_idle(world: World, aws: Server, tmp_path: Path) -> None:
    """A second consumer is added to one host, and removed: eight quiet shards, and what they cost."""
    quiet = build(aws, tmp_path, 8)
    own = {"streamName": quiet.name, "applicationName": quiet.name, "archive.bucket": quiet.name, "jvm.shards": 8}
    properties = {**world.properties, "consumer": "s3_archive", **own}
    world.consumers["quiet"] = {"properties": properties}
    world.rollout.variables["kinesis_fleet_secrets"]["quiet"] = secrets()
    host, unit = world.hosts[0], "kinesis-consumer@quiet.service"
    done = world.rollout.play("site.yml", hosts=[host])
    assert done.returncode == 0, done.stdout[-4000:]
    time.sleep(30)  # Java compiles while it begins
    before, began = cost(host, unit), time.monotonic()
    time.sleep(60)  # what is measured is a minute in which nothing happens
    after = cost(host, unit)
    share = 100 * (after.cpu_s - before.cpu_s) / (time.monotonic() - began)
    print(
        f"\nidle consumer with 8 shards: {after.mib:,.0f} MiB in {after.processes} processes, {share:.1f} % of a core"
    )
    assert after.processes == 1 + 8
    assert after.mib < 4096
    del world.consumers["quiet"]
    done = world.rollout.play("site.yml", hosts=[host])
    assert done.returncode == 0, done.stdout[-4000:]
    assert host.run(f"systemctl show -P FragmentPath {UNIT}").strip() == "/etc/systemd/system/kinesis-consumer@.service"
    assert "releases" not in host.run("ls -l /etc/systemd/system /etc/systemd/system/kinesis-fleet.target.wants")
    for gone in (unit, "kinesis-watch@quiet.timer"):
        assert host.try_run(f"systemctl is-active {gone}").stdout.strip() == "inactive"
        assert host.try_run(f"systemctl is-enabled {gone}").stdout.strip() == "disabled"


def test_replaced(world: World) -> None:
    """A host is gone for good: the others have its shards, and the playbook brings a new one."""
    host, since = world.leader(), time.time()
    others = [one for one in world.hosts if one is not host]
    held = [stay for several in stays(world.hosts, UNIT).values() for stay in several[-1:] if stay.host == host.name]
    host.destroy()
    world.await_progress()
    taken = [several[-1].began - since for several in stays(others, UNIT).values() if several[-1].began > since]
    print(f"\ndeath of the leading host, with {len(held)} shards: taken over after {max(taken, default=0):.1f} s")
    assert len(taken) >= len(held)
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
        assert SECRET not in host.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
        assert "AWS_SHARED_CREDENTIALS_FILE" in host.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
        found = host.run(f"grep -rlI {SECRET} /etc /opt /run /var/lib --exclude-dir=cgroup 2>/dev/null || true").split()
        assert found, "the secret is not there at all"
        readable = [path for path in found if "r" in host.run(f"stat -c %A {path}")[7]]
        assert not readable


def test_all_stands_once(world: World) -> None:
    """After all of it, each record that was put is archived once."""
    world.settle()
    print(f"\n{world.flow.ledger.put:,} records")
