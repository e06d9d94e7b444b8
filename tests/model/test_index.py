"""Each record is indexed once, or once a dead letter, whatever dies, freezes or is renamed: random schedules.

INDEX_SCHEDULES sets how many (default 400), INDEX_SEED the first; both are printed.
"""

import os
import random

import pytest

from tests.model.index import IndexSimulation, Variant
from tests.model.index_bugs import BUGS
from tests.model.index_verdict import faults

SCHEDULES = int(os.environ.get("INDEX_SCHEDULES", "400"))
SEED = int(os.environ.get("INDEX_SEED", random.SystemRandom().randrange(10**9)))


def play(seed: int, variant: Variant, *, mends: bool = False) -> list[str]:
    """Play one schedule, and say what was wrong with it."""
    return faults(IndexSimulation(seed, variant, mends=mends))


@pytest.mark.parametrize("mends", [False, True], ids=["crashes", "the_mapping_is_mended"])
def test_every_record_has_one_fate(*, mends: bool) -> None:
    """Documents once over all indices, a dead letter, or left out; no checkpoint is ahead; a replay changes nothing."""
    print(f"seeds {SEED} to {SEED + SCHEDULES // 2 - 1}")
    for seed in range(SEED, SEED + SCHEDULES // 2):
        assert play(seed, Variant(), mends=mends) == [], f"seed {seed}"


@pytest.mark.parametrize("name", BUGS)
def test_negative_control(name: str) -> None:
    """Each seeded bug breaks its invariant within the schedules that the production classes pass."""
    bug = BUGS[name]
    with bug.patched:
        for seed in range(SCHEDULES):
            if any(fault.startswith(f"{bug.breaks}:") for fault in play(seed, bug.variant)):
                print(f"found in schedule {seed}")
                return
    pytest.fail(f"{name} did not break {bug.breaks} in {SCHEDULES} schedules: the model proves too little")
