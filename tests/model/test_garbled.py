"""What is no record is kept once, whatever dies, freezes or moves: random schedules over the production classes.

GARBLED_SCHEDULES sets how many (default 150), GARBLED_SEED the first; both are printed.
"""

import os
import random

import pytest

from tests.model.garbled import CountsNobody, GarbledSimulation, Keeping, KeepsAfterwards

SCHEDULES = int(os.environ.get("GARBLED_SCHEDULES", "150"))
SEED = int(os.environ.get("GARBLED_SEED", random.SystemRandom().randrange(10**9)))


def played(seed: int, pipeline: type[Keeping] = Keeping) -> list[str]:
    """Play one schedule; what is wrong."""
    simulation = GarbledSimulation(seed, pipeline)
    return simulation.verdict() if simulation.run() else ["the schedule did not end"]


def test_each_element_is_a_record_or_a_letter_once() -> None:
    """And no checkpoint passes one that is neither."""
    print(f"seeds {SEED} to {SEED + SCHEDULES - 1}")
    for seed in range(SEED, SEED + SCHEDULES):
        assert played(seed) == [], f"seed {seed}"


@pytest.mark.parametrize("bug", [KeepsAfterwards, CountsNobody])
def test_negative_control(bug: type[Keeping]) -> None:
    """A seeded bug is found within the schedules that the production classes pass."""
    assert any(played(seed, bug) for seed in range(SCHEDULES))
