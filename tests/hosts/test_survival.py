"""What hosts suffer, one thing after the other under load; at the end each record has to be archived once."""

import time
from datetime import datetime

import pytest

from tests.hosts.rollout import SECRET
from tests.hosts.timeline import journal, stays
from tests.hosts.world import FREEZE_S, SHARDS, UNIT, World

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]
MAY_OTHERS_READ = 7
"""The place of that letter in `-rwxrwxrwx`."""
LISTED = "{ xargs -r0 stat -c '%A %n' 2>/dev/null || true; }"
"""Those of the files that are still there: what a timer runs ends now and then, and takes its credentials with it."""
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


def test_restart(rolled_out: World) -> None:
    """A restart of the daemon that hands leases out delivers nothing again."""
    host, since = rolled_out.leader(), time.time()
    host.run(f"systemctl restart {UNIT}")
    assert rolled_out.say_idle("restart of the leading daemon", since)
    rolled_out.insist_on_none_again(since)


def test_killed(rolled_out: World) -> None:
    """A JVM, and a shard's process, of a host that has shards are killed (-9): systemd starts them again."""
    for _ in range(2):
        host, since = rolled_out.busiest(), time.time()
        host.run(f"systemctl kill -s KILL --kill-who=main {UNIT}")
        rolled_out.say_idle("kill -9 of a JVM", since)
    for _ in range(2):
        host, since = rolled_out.busiest(), time.time()
        host.run("timeout 60 sh -c 'until pkill -9 -o -f [c]onsumers.child; do sleep 0.2; done'")
        rolled_out.say_idle("kill -9 of a child", since)


def test_reboot(rolled_out: World) -> None:
    """A host loses power and comes back: it takes part again by itself."""
    host, since = rolled_out.busiest(), time.time()
    host.reboot()
    host.run(f"systemctl is-active {UNIT}")
    rolled_out.say_idle("power loss and boot", since)


def test_frozen(rolled_out: World) -> None:
    """Everything on a host stands still for three lease times: the others take over, and it wakes up harmlessly."""
    host = rolled_out.busiest()
    host.freeze()
    time.sleep(FREEZE_S)  # what is tested
    host.thaw()


def test_partition(rolled_out: World) -> None:
    """A host that reaches neither DynamoDB nor S3 loses its leases, and comes back."""
    host = rolled_out.busiest()
    host.cut_off()
    rolled_out.await_progress()
    host.rejoin()


def test_wrong_clock(rolled_out: World) -> None:
    """A host's wall clock is an hour ahead, then an hour behind: KCL's leases and the archive's hours do not mind."""
    host = rolled_out.leader()
    for offset in ("+1h", "-1h"):
        host.run(f"mkdir -p {DROP_INS} && printf '[Service]\n{CLOCK.format(offset=offset)}' > {DROP_INS}/clock.conf")
        since = time.time()
        host.run(f"systemctl daemon-reload && systemctl restart {UNIT}")
        rolled_out.await_lines(host, since, "metrics")
        rolled_out.say_idle(f"clock {offset}", since)
        held = sum(several[-1].host == host.name for several in stays(rolled_out.hosts, UNIT).values())
        print(f"\nthe host whose clock is wrong by {offset} has {held} of {SHARDS} shards")
        told = rolled_out.await_lines(host, since, "metrics")[-1]["line"]["timestamp"]
        shown = datetime.fromisoformat(told).timestamp() - time.time()
        assert abs(abs(shown) - 3600) < 600, "the clock was not wrong"
    host.run(f"rm {DROP_INS}/clock.conf && systemctl daemon-reload && systemctl restart {UNIT}")


def test_full_disk(rolled_out: World) -> None:
    """A host's disk is full, also for a new start: nothing that the consumer needs is on it."""
    host = rolled_out.busiest()
    host.fill()
    since = time.time()
    host.run(f"systemctl restart {UNIT}")
    rolled_out.await_progress()
    host.run(f"systemctl is-active {UNIT}")
    host.empty()
    rolled_out.say_idle("restart on a full disk", since)


def test_hung(rolled_out: World) -> None:
    """A daemon that stands still while no other is there is seen by the watch, shows its threads, and starts again."""
    host = rolled_out.leader()
    others = [one for one in rolled_out.hosts if one is not host]
    for one in others:
        one.run(f"systemctl stop {UNIT}")
    rolled_out.await_progress()
    host.run(f"mkdir -p {WATCH_DROP_INS} && printf '[Service]\nExecStart=\n{WATCH}' > {WATCH_DROP_INS}/soon.conf")
    host.run("systemctl daemon-reload")
    main, since = host.run(f"systemctl show -P MainPID {UNIT}").strip(), time.time()
    host.run(f"kill -STOP {main}")
    host.try_run("systemctl start kinesis-watch@s3_archive.service")
    rolled_out.await_progress()
    print(f"\nhung daemon: records stored again after {time.time() - since:.0f} s, of which 15 s were looked at")
    assert host.run(f"systemctl show -P MainPID {UNIT}").strip() != main
    said = [entry["line"] for entry in journal(host, "kinesis-watch@s3_archive.service", since) if "line" in entry]
    assert any(line["event"] == "unheld" and "does not renew" in line["reason"] for line in said)
    assert "Full thread dump" in host.run(f"journalctl -u {UNIT} --no-pager -o cat --since @{since:.0f}")
    host.run(f"rm {WATCH_DROP_INS}/soon.conf && systemctl daemon-reload")
    for one in others:
        one.run(f"systemctl start {UNIT}")


def test_replaced(rolled_out: World) -> None:
    """A host is gone for good: the others have its shards, and the playbook brings a new one."""
    host, since = rolled_out.leader(), time.time()
    others = [one for one in rolled_out.hosts if one is not host]
    held = [
        stay for several in stays(rolled_out.hosts, UNIT).values() for stay in several[-1:] if stay.host == host.name
    ]
    host.destroy()
    rolled_out.await_progress()
    taken = [several[-1].began - since for several in stays(others, UNIT).values() if several[-1].began > since]
    print(f"\ndeath of the leading host, with {len(held)} shards: taken over after {max(taken, default=0):.1f} s")
    assert len(taken) >= len(held)
    host.make()
    host.boot()
    rolled_out.rollout.run("site.yml", hosts=[host])


def test_secrets(rolled_out: World) -> None:
    """A secret stands in no journal, no command line, no file that others read, and in nothing that Ansible says."""
    rolled_out.rollout.variables["kinesis_fleet_secrets"]["s3_archive"]["canary"] = f"{SECRET}-3"
    done = rolled_out.rollout.run("site.yml", "-vvv", "--diff", hosts=rolled_out.hosts[:1])
    assert rolled_out.rollout.changed(done)["fleet-1"], "no secret was written"
    assert SECRET not in done.stdout + done.stderr
    for host in rolled_out.hosts:
        assert SECRET not in host.run("journalctl --no-pager -o export | cat -v")
        assert SECRET not in host.run("ps axww -o args")
        assert SECRET not in host.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
        assert "AWS_SHARED_CREDENTIALS_FILE" in host.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
        apart = "--exclude-dir=cgroup --exclude-dir=site-packages"
        found = host.run(f"grep -rlIZ {SECRET} /etc /opt /run /var/lib {apart} 2>/dev/null | {LISTED}").splitlines()
        assert found, "the secret is not there at all"
        assert [one for one in found if one[MAY_OTHERS_READ] == "r"] == []


def test_all_stands_once(rolled_out: World) -> None:
    """After all of it, each record that was put is archived once."""
    rolled_out.settle()
    print(f"\n{rolled_out.flow.ledger.put:,} records")
