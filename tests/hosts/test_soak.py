"""Hosts that suffer one thing after the other, drawn at random, for as long as is asked; all is compared after each."""

import os
import random
import time
from collections.abc import Callable

import pytest

from consumers.chain.link import Link
from consumers.objects.reader import fetch
from consumers.records import Position
from tests.daemon.audit import Place, store_of
from tests.daemon.putting import last_of
from tests.hosts.host import Host
from tests.hosts.world import UNIT, World
from tests.support.archive import object_keys

SOAK_S = float(os.environ.get("HOSTS_SOAK_S", "0"))
pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(int(SOAK_S) + 1800),
    pytest.mark.skipif(not SOAK_S, reason="make soak-hosts"),
]
Mend = Callable[[], None]
FREEZE_S = 15
"""Three times `failoverTimeMillis`."""


class Compared:
    """What the archive holds, of what was looked at: each object is read once, since none ever changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[Place, str] = {}
        self._read: set[str] = set()

    def faults(self) -> list[str]:
        """Wait until all that was put up to now is archived, and say what is missing or doubled."""
        last = last_of(self._world.flow.ledger)
        due = [Place(e.shard, Position(e.sequence, 0)) for e in self._world.flow.ledger]
        self._world.stage.await_committed(last)
        store, faults = store_of(self._world.stage), []
        for key in sorted(set(object_keys(store)) - self._read):
            self._read.add(key)
            link = Link.parse(store.metadata(key) or {})
            for record in fetch(store, key):
                place = Place(link.shard, record.position)
                faults += [f"doubled {place} in {key} and {self._seen[place]}"] if place in self._seen else []
                self._seen[place] = key
        return faults + [
            f"lost {place}" for place in due if place.position <= last[place.shard] and place not in self._seen
        ]


def test_soak(world: World) -> None:
    """Nothing is lost or doubled, whatever happens to which host."""
    seed = int(os.environ.get("SEED", time.time_ns() % 2**32))
    print(f"\nseed {seed}")
    rng = random.Random(seed)
    done = world.rollout.play("site.yml")
    assert done.returncode == 0, done.stdout[-6000:]
    compared, until, steps = Compared(world), time.monotonic() + SOAK_S, 0
    while time.monotonic() < until:
        chosen = rng.sample(world.hosts, rng.choice((1, 1, 2)))
        blows = [(rng.choice(BLOWS), host) for host in chosen]
        began = time.monotonic()
        mends = [blow(host) for blow, host in blows]
        if rng.random() < 0.5:  # half of the time the others have taken over before it is mended
            world.await_progress()
        for mend in mends:
            mend()
        faults = compared.faults()
        steps += 1
        named = ", ".join(f"{blow.__name__} {host.name}" for blow, host in blows)
        print(f"{steps} {named}: {time.monotonic() - began:.0f} s, {world.flow.ledger.put:,} records", flush=True)
        if faults:
            world.explain(faults)
        assert faults == []
    world.settle()


def jvm_killed(host: Host) -> Mend:
    """Kill the JVM (-9)."""
    host.run(f"systemctl kill -s KILL --kill-who=main {UNIT}")
    return _nothing


def child_killed(host: Host) -> Mend:
    """Kill a shard's process (-9)."""
    host.try_run("pkill -9 -o -f 'consumers.child'")
    return _nothing


def restarted(host: Host) -> Mend:
    """Restart the unit."""
    host.run(f"systemctl restart {UNIT}")
    return _nothing


def rebooted(host: Host) -> Mend:
    """Lose power, and come back."""
    host.reboot()
    return _nothing


def frozen(host: Host) -> Mend:
    """Stand still for three lease times, or longer."""
    host.freeze()
    time.sleep(FREEZE_S)  # what is tested
    return host.thaw


def cut_off(host: Host) -> Mend:
    """Reach nothing."""
    host.cut_off()
    return host.rejoin


def _nothing() -> None:
    """Mend nothing."""


BLOWS = (jvm_killed, child_killed, restarted, rebooted, frozen, frozen, cut_off, cut_off)
