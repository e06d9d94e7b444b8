"""An hour is declared complete when it is, and not before: random schedules over the production classes.

HOURS_SCHEDULES sets how many (default 2,000), HOURS_SEED the first; both are printed.
"""

import os
import random

import pytest

from tests.model.hour_bugs import BUGS
from tests.model.hours import HoursSimulation, World

SCHEDULES = int(os.environ.get("HOURS_SCHEDULES", "2000"))
SEED = int(os.environ.get("HOURS_SEED", random.SystemRandom().randrange(10**9)))

WORLDS = {
    "stalls": World(),
    "starts_at_latest": World(initial="LATEST"),
    "short_retention": World(retention_h=2),
    "late_data": World(late=True),
    "deletions": World(deletes=True, late=True),
    "skipped": World(skips=True),
}
# Rare bugs are looked for where they show soonest: all worlds would take six times as long.
SHOWN = {
    "seals_only_what_there_is": "deletions",
    "trusts_the_hosts_clock": "late_data",
    "trusts_the_list_of_shards": "stalls",
}


def faults(seed: int, world: World) -> list[str]:
    """Play one schedule, and say what was wrong with it."""
    simulation = HoursSimulation(seed, world)
    ended = simulation.run()
    return [*simulation.judge(), *([] if ended else ["the hours were never decided"])]


@pytest.mark.parametrize("world", WORLDS)
def test_marker_never_precedes_the_hours_last_object(world: str) -> None:
    """At the moment of `_SUCCESS` all records of its hour stand; it comes once stalls end; what is late is told."""
    print(f"seeds {SEED} to {SEED + SCHEDULES // len(WORLDS) - 1}")
    for seed in range(SEED, SEED + SCHEDULES // len(WORLDS)):
        assert faults(seed, WORLDS[world]) == [], f"seed {seed} {world}"


@pytest.mark.parametrize("bug", BUGS)
def test_negative_control(bug: str) -> None:
    """Each seeded bug is found within the schedules that the production classes pass."""
    with BUGS[bug]():
        for seed in range(SCHEDULES):
            if any(faults(seed, WORLDS[world]) for world in ([SHOWN[bug]] if bug in SHOWN else WORLDS)):
                return
    pytest.fail(f"{bug} was not found in {SCHEDULES} schedules: the model proves too little")
