"""The child dies, freezes or is refused at every step: each event is one document or one dead letter all the same."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.child.serving import holding, is_bulk
from tests.child.test_crashes import Victim, _await_stopped, run_to_end, serve
from tests.support.bad_events import mixed, payloads
from tests.support.fake_daemon import Child, ChildDied, Lease
from tests.support.indexing import id_of, ids_in, index_faults, letters_of, write_index_properties
from tests.support.proxy import Call, Cut, FaultProxy, fault_proxy
from tests.support.search import SearchNode
from tests.support.servers import Server

RECORDS = 60
EVERY = 6  # so that each request has something to reject
EVENTS = list(mixed(RECORDS, EVERY))


class World:
    """One shard's records between a search server and a bucket, each behind a proxy."""

    def __init__(self, node: SearchNode, s3: Server, search: FaultProxy, letters: FaultProxy, folder: Path) -> None:
        self.node, self.s3, self.search, self.letters, self.folder = node, s3, search, letters, folder
        self.lease = Lease(records=holding(payloads(EVENTS)))

    def properties(self, **keys: object) -> Path:
        return write_index_properties(self.folder, self.letters.endpoint, self.search.endpoint, **keys)

    def faults(self) -> list[str]:
        reasons = {id_of(self.lease.records[at]): reason for at, (_, reason) in enumerate(EVENTS) if reason is not None}
        ids = map(id_of, self.lease.records)
        return index_faults(ids_in(self.node), letters_of(self.s3), ids, bad=reasons)

    def heal(self) -> None:
        self.search.fault = self.letters.fault = lambda _call: None


@pytest.fixture
def world(search: SearchNode, letters: Server, folder: Path) -> Iterator[World]:
    """A world in which nothing has happened yet."""
    with ExitStack() as stack:
        fronts = [stack.enter_context(fault_proxy(endpoint)) for endpoint in (search.endpoint, letters.endpoint)]
        yield World(search, letters, fronts[0], fronts[1], folder)


def nth_of(kind: Callable[[Call], bool], number: int, act: Callable[[Call], None]) -> Callable[[Call], None]:
    """Act on the n-th call of a kind, once."""
    left = [number]

    def fault(call: Call) -> None:
        if kind(call):
            left[0] -= 1
            if not left[0]:
                act(call)

    return fault


def letter(call: Call) -> bool:
    """Whether dead letters are put."""
    return call.method == "PUT" and ".ndjson" in call.path


STEPS = {"bulk": is_bulk, "letters": letter}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_child_killed_around_a_step(world: World, step: str, when: str, number: int) -> None:
    """Kill -9 before documents or dead letters are stored, or just after it; a full replay then changes nothing."""
    victim = Victim()
    proxy = world.search if step == "bulk" else world.letters
    proxy.fault = nth_of(STEPS[step], number, lambda call: setattr(call, when, victim.kill))
    properties = world.properties()
    with Child(properties, world.lease) as child:
        victim.pid = child.process.pid
        with pytest.raises(ChildDied):
            serve(child)
    world.heal()
    run_to_end(properties, world.lease)
    assert world.faults() == []
    assert world.lease.checkpoint == world.lease.records[-1].position
    world.lease.checkpoint = "TRIM_HORIZON"
    run_to_end(properties, world.lease)
    assert world.faults() == []


@pytest.mark.parametrize("when", ["asked", "accepted"])
def test_child_killed_around_the_checkpoint(world: World, when: str) -> None:
    """Kill -9 when a checkpoint was asked for, or just after it was accepted."""
    properties = world.properties()
    with Child(properties, world.lease) as child:
        child.initialize()
        child.send_records(world.lease.records[:30])
        asked = child.read()
        assert asked["action"] == "checkpoint"
        if when == "accepted":
            child.send(child._checkpoint(asked))
        child.process.kill()
    run_to_end(properties, world.lease)
    assert world.faults() == []


@pytest.mark.parametrize("applied", [False, True])
def test_zombie_that_thaws_after_its_lease_moved(world: World, applied: bool) -> None:
    """A child frozen in its request, or just after it, thaws when another has gone on: it adds nothing."""
    pid = [0]

    def freeze() -> None:
        os.kill(pid[0], signal.SIGSTOP)
        if not applied:
            raise Cut

    world.search.fault = nth_of(is_bulk, 1, lambda call: setattr(call, "after" if applied else "before", freeze))
    properties = world.properties()
    with Child(properties, world.lease) as zombie:
        pid[0] = zombie.process.pid
        zombie.initialize()
        zombie.send_records(world.lease.records[:41])
        _await_stopped(zombie.process.pid)
        world.heal()
        world.lease.epoch += 1
        run_to_end(properties, world.lease)
        zombie.process.send_signal(signal.SIGCONT)
        zombie.await_status("processRecords")
        zombie.exchange({"action": "leaseLost"})
        assert zombie.close() == 0
    assert world.faults() == []


def test_bucket_of_the_dead_letters_is_away(world: World) -> None:
    """Without a place for dead letters nothing is checkpointed: it waits, and goes on by itself."""
    world.letters.fault = lambda call: setattr(call, "status", 503) if letter(call) else None
    properties = world.properties()
    with Child(properties, world.lease) as child:
        child.initialize()
        child.send_records(world.lease.records)
        child.await_log("waiting")
        assert world.lease.history == []
        world.heal()
        child.await_status("processRecords")
        child.exchange({"action": "shutdownRequested"})
    assert world.faults() == []


@pytest.mark.parametrize("bug", ["checkpoints_first", "random_ids", "forgets_letters", "wall_clock_index"])
def test_negative_control(world: World, bug: str) -> None:
    """A child with a seeded bug is found by the same steps: it loses or doubles."""
    module, victim = f"tests.child.broken.{bug}", Victim()
    properties = world.properties(**{"index.maxAgeSeconds": 300, "index.maxRecords": 35})
    world.search.fault = nth_of(is_bulk, 1, lambda call: setattr(call, "after", victim.kill))
    if bug == "checkpoints_first":
        world.search.fault = nth_of(is_bulk, 1, lambda call: setattr(call, "before", victim.kill))
    with Child(properties, world.lease, module) as child:
        victim.pid = child.process.pid
        with pytest.raises(ChildDied):
            serve(child)
    world.heal()
    run_to_end(properties, world.lease, module)
    assert world.faults()
