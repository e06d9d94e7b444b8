"""Hosts that suffer one thing after the other, drawn at random, for as long as is asked; all is compared after each."""

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.hosts.host import Host
from tests.hosts.world import FREEZE_S, UNIT, World

SOAK_S = float(os.environ.get("HOSTS_SOAK_S", "0"))
pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(int(SOAK_S) + 1800),
    pytest.mark.skipif(not SOAK_S, reason="make soak-hosts"),
]
Mend = Callable[[], None]


def test_soak(rolled_out: World) -> None:
    """Nothing is lost or doubled, whatever happens to which host."""
    seed = int(os.environ.get("SEED", time.time_ns() % 2**32))
    print(f"\nseed {seed}")
    rng = random.Random(seed)
    until, steps = time.monotonic() + SOAK_S, 0
    while time.monotonic() < until:
        chosen = rng.sample(rolled_out.hosts, rng.choice((1, 1, 2)))
        blows = [(rng.choice(BLOWS), host) for host in chosen]
        began = time.monotonic()
        mends = [blow(host) for blow, host in blows]
        if rng.random() < 0.5:  # half of the time the others have taken over before it is mended
            rolled_out.await_progress()
        for mend in mends:
            mend()
        rolled_out.compare()
        steps += 1
        named = ", ".join(f"{blow.__name__} {host.name}" for blow, host in blows)
        print(f"{steps} {named}: {time.monotonic() - began:.0f} s, {rolled_out.flow.ledger.put:,} records", flush=True)
    rolled_out.settle()


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
