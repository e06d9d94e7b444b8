"""The chain holds whatever dies, freezes, moves or is rewound: random schedules over the production classes.

CHAIN_SCHEDULES sets how many (default 2,000), CHAIN_SEED the first; both are printed.
"""

import os
import random
from typing import TypedDict

import pytest

from tests.model.bugs import BUGS
from tests.model.fleet import Simulation, Variant
from tests.model.verdict import Verdict, judge

SCHEDULES = int(os.environ.get("CHAIN_SCHEDULES", "2000"))
SEED = int(os.environ.get("CHAIN_SEED", random.SystemRandom().randrange(10**9)))


RARE = {"origin_left_open": 45_438}
"""Where the search for a bug begins that shows in one of some thousand schedules only."""


class World(TypedDict, total=False):
    """What besides crashes, zombies and reshards happens."""

    trims: bool
    rewinds: bool


WORLDS: tuple[World, ...] = ({}, {"trims": True}, {"rewinds": True}, {"trims": True, "rewinds": True})


def play(seed: int, variant: Variant, world: World) -> tuple[bool, Verdict]:
    """Play one schedule."""
    simulation = Simulation(seed, variant, **world)
    return simulation.run(), judge(simulation)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: "+".join(world) or "crashes")
def test_every_record_once(world: World) -> None:
    """Every shard comes to its end; each record is stored once, byte for byte, in one gapless chain."""
    print(f"seeds {SEED} to {SEED + SCHEDULES // len(WORLDS) - 1}")
    for seed in range(SEED, SEED + SCHEDULES // len(WORLDS)):
        ended, verdict = play(seed, Variant(), world)
        assert ended, f"seed {seed} {world}: the schedule did not end"
        assert verdict == Verdict(0, 0, 0, []), f"seed {seed} {world}"


@pytest.mark.parametrize("bug", BUGS)
def test_negative_control(bug: str) -> None:
    """Each seeded bug is found within the schedules that the production classes pass."""
    first = RARE.get(bug, 0)
    for seed in range(first, first + SCHEDULES):
        for world in WORLDS:
            ended, verdict = play(seed, BUGS[bug], world)
            if not ended or not verdict.clean:
                return
    pytest.fail(f"{bug} was not found in {SCHEDULES} schedules: the model proves too little")
