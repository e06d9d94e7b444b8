"""The child dies, freezes or is refused at every step; the archive holds every record once, and its chain is whole."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.config.consumer import ShardContext
from consumers.config.settings import load
from consumers.parts import Start
from consumers.registry import CONSUMERS
from consumers.s3_archive import S3_ARCHIVE
from consumers.waiting import Patience
from tests.model.fleet import Silent
from tests.support.archive import archive_of, faults_of, write_properties
from tests.support.fake_daemon import Child, ChildDied, Lease, new_records
from tests.support.proxy import Call, Cut, FaultProxy
from tests.support.servers import Server

RECORDS = 60
DELIVERY = 17  # not a divisor of the object's 25 records, so that objects and deliveries straddle


def serve(child: Child) -> None:
    """Give the shard to a child, deliver everything, and ask for a drain."""
    child.initialize()
    while child.deliver(DELIVERY):
        pass
    child.exchange({"action": "shutdownRequested"})


def run_to_end(properties: Path, lease: Lease, module: str = "consumers.child", tries: int = 10) -> None:
    """Start children as the daemon does until one has drained everything."""
    for _ in range(tries):
        with Child(properties, lease, module) as child:
            try:
                serve(child)
            except ChildDied:
                continue
            assert child.close() == 0
            return
    message = f"no child came through in {tries} starts"
    raise AssertionError(message)


def nth_write(n: int, act: Callable[[Call], None]) -> Callable[[Call], None]:
    """Act on the n-th write of an object, once."""
    left = [n]

    def fault(call: Call) -> None:
        if call.writes_object:
            left[0] -= 1
            if left[0] == 0:
                act(call)

    return fault


class Victim:
    """Kills the child of the moment."""

    def __init__(self) -> None:
        self.pid = 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        raise Cut


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("step", ["before_the_put", "after_the_put"])
def test_child_killed_around_the_put(s3: Server, proxy: FaultProxy, folder: Path, step: str, n: int) -> None:
    """Kill -9 before the PUT is applied, or after it and before the checkpoint: nothing is lost or doubled."""
    lease, victim = Lease(records=new_records(RECORDS)), Victim()

    def kill(call: Call) -> None:
        setattr(call, step.partition("_")[0], victim.kill)

    proxy.fault = nth_write(n, kill)
    properties = write_properties(folder, proxy.endpoint)
    with Child(properties, lease) as child:
        victim.pid = child.process.pid
        with pytest.raises(ChildDied):
            serve(child)
    proxy.fault = lambda _call: None
    run_to_end(properties, lease)
    assert faults_of(archive_of(s3), lease.records) == []
    assert lease.checkpoint == lease.records[-1].position


@pytest.mark.parametrize("when", ["asked", "accepted"])
def test_child_killed_around_the_checkpoint(s3: Server, folder: Path, when: str) -> None:
    """Kill -9 when a checkpoint was asked for, or just after it was accepted."""
    lease = Lease(records=new_records(RECORDS))
    properties = write_properties(folder, s3.endpoint)
    with Child(properties, lease) as child:
        child.initialize()
        child.send_records(lease.records[:30])
        asked = child.read()
        assert asked["action"] == "checkpoint"
        if when == "accepted":
            child.send(child._checkpoint(asked))
        child.process.kill()
    run_to_end(properties, lease)
    assert faults_of(archive_of(s3), lease.records) == []


def test_sigterm_to_the_child_is_left_to_the_daemon(s3: Server, folder: Path) -> None:
    """A signal to the whole group does not cut a flush: the child drains when it is asked to, redelivering nothing."""
    lease = Lease(records=new_records(RECORDS))
    properties = write_properties(folder, s3.endpoint)
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver(DELIVERY)
        child.process.send_signal(signal.SIGTERM)
        child.process.send_signal(signal.SIGINT)
        child.deliver(DELIVERY)
        child.exchange({"action": "shutdownRequested"})
        assert child.close() == 0
    assert lease.checkpoint == lease.records[2 * DELIVERY - 1].position
    run_to_end(properties, lease)
    assert faults_of(archive_of(s3), lease.records) == []


@pytest.mark.parametrize("applied", [False, True])
def test_zombie_that_thaws_after_its_lease_moved(s3: Server, proxy: FaultProxy, folder: Path, applied: bool) -> None:
    """A child frozen in its PUT, or just after it, thaws when another has gone on: it gives up without a trace."""
    lease, zombie_pid = Lease(records=new_records(RECORDS)), [0]

    def freeze() -> None:
        os.kill(zombie_pid[0], signal.SIGSTOP)
        if not applied:
            raise Cut  # it will send the PUT again when it thaws

    def act(call: Call) -> None:
        if applied:
            call.after = freeze
        else:
            call.before = freeze

    proxy.fault = nth_write(1, act)
    properties = write_properties(folder, proxy.endpoint)
    with Child(properties, lease) as zombie:
        zombie_pid[0] = zombie.process.pid
        zombie.initialize()
        zombie.send_records(lease.records[:41])
        _await_stopped(zombie.process.pid)
        proxy.fault = lambda _call: None
        lease.epoch += 1
        run_to_end(properties, lease)
        zombie.process.send_signal(signal.SIGCONT)
        zombie.await_status("processRecords")
        zombie.exchange({"action": "leaseLost"})
        assert zombie.close() == 0
        assert zombie.logs("shard_given_up")
    assert faults_of(archive_of(s3), lease.records) == []


def test_start_inside_an_old_object(s3: Server, folder: Path) -> None:
    """A trim horizon that moved into an object adopts it: no record of it is written again."""
    lease = Lease(records=new_records(RECORDS))
    properties = write_properties(folder, s3.endpoint)
    run_to_end(properties, lease)
    everything, lease.records = lease.records, lease.records[7:]
    lease.checkpoint = "TRIM_HORIZON"
    lease.records += new_records(20, begin=RECORDS)
    run_to_end(properties, lease)
    assert faults_of(archive_of(s3), everything + lease.records[-20:]) == []


FAILURES: dict[str, Callable[[Call], None]] = {
    "server_error": lambda call: setattr(call, "status", 500),
    "cut_before": lambda call: setattr(call, "before", _cut),
    "cut_after": lambda call: setattr(call, "after", _cut),
    "conflict": lambda call: setattr(call, "status", 409),
}


def _cut() -> None:
    raise Cut


# Each way to fail once: what a server does of itself is for the other suites to compare.
@pytest.mark.parametrize(
    ("s3", "failure"),
    [("moto", "cut_after"), ("moto", "conflict"), ("versitygw", "server_error"), ("versitygw", "cut_before")],
    indirect=["s3"],
)
def test_nth_call_fails(s3: Server, proxy: FaultProxy, folder: Path, failure: str) -> None:
    """The n-th call fails, for each n until no call is left: each run archives every record once.

    Nothing dies of it, so the shard's pipeline runs in this process, without the pauses between two tries.
    """
    n = 0
    while True:
        n += 1
        shard = f"shardId-{n:012d}"
        lease = Lease(shard, new_records(RECORDS))
        first = len(proxy.calls)
        proxy.fault = lambda call, at=first + n: FAILURES[failure](call) if call.number == at else None  # type: ignore[misc]
        properties = write_properties(
            folder, proxy.endpoint, applicationName=f"app-{n}", **{"archive.prefix": f"raw/{n}"}
        )
        archive_in_process(properties, lease)
        assert faults_of(archive_of(s3), lease.records, shard, f"raw/{n}/") == []
        if len(proxy.calls) - first < n:
            break
    assert n > 4


def archive_in_process(properties: Path, lease: Lease) -> None:
    """Deliver everything to the archive's own pipeline, and drain it."""
    log = Silent()
    patience = Patience(lambda _seconds: None, time.monotonic, log)
    context = ShardContext(lease.shard, Start(None, "TRIM_HORIZON"), patience, log)
    pipeline = S3_ARCHIVE.build(load(properties, CONSUMERS))(context)
    for at in range(0, RECORDS, DELIVERY):
        pipeline.offer(lease.records[at : at + DELIVERY], time.monotonic())
        pipeline.settle()
    assert pipeline.drain(time.monotonic())
    assert pipeline.durable == lease.records[-1].position


@pytest.mark.parametrize("bug", ["checkpoints_first", "swallows", "unconditional"])
def test_negative_control(s3: Server, proxy: FaultProxy, folder: Path, bug: str) -> None:
    """A child with a seeded bug is found by the same steps: it loses or doubles records."""
    lease, victim = Lease(records=new_records(RECORDS)), Victim()
    module = f"tests.child.broken.{bug}"
    properties = write_properties(folder, proxy.endpoint, **{"archive.maxAgeSeconds": 3600})
    with Child(properties, lease, module) as child:
        victim.pid = child.process.pid
        proxy.fault = nth_write(2, lambda call: setattr(call, "before", victim.kill))
        with pytest.raises(ChildDied):
            serve(child)
    proxy.fault = lambda _call: None
    if bug == "unconditional":  # what a rewind does: production adopts, this one writes again
        lease.checkpoint = lease.records[3].position
    run_to_end(properties, lease, module)
    assert faults_of(archive_of(s3), lease.records)


def _await_stopped(pid: int) -> None:
    stat = Path(f"/proc/{pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "T":
        os.sched_yield()
