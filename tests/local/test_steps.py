"""Steps side by side: what came of each, what is shown meanwhile, and what ends when one of them fails."""

from pathlib import Path
from typing import cast

import pytest

from consumers.local.fleet import Fleet
from consumers.local.steps import Slow, Step, together, until


class Healthy:
    """A fleet in which nothing ends."""

    def check(self) -> None:
        """Find nothing."""


FLEET = cast("Fleet", Healthy())


def waiting(phases: str, ended: list[str]) -> Step[str]:
    """Wait once for each letter, and note the end."""
    try:
        yield from phases
        return phases
    finally:
        ended.append(phases)


def test_each_goes_as_far_as_it_comes() -> None:
    """None waits for another; what came of them has their order, and each phase is shown once."""
    looks: list[str] = []
    assert together([waiting("ab", []), waiting("a", []), waiting("", [])], FLEET, looks.append) == ["ab", "a", ""]
    assert looks == ["a", "b"]


def test_what_runs_too_long_ends_the_others() -> None:
    """A step that is late says where to look, and the others do not stay behind."""
    ended: list[str] = []

    def late() -> Step[str]:
        yield from until(lambda: False, "starting it", 0, Path("its.log"))
        return ""

    with pytest.raises(Slow, match=r"starting it took more than 0 s; see its.log"):
        together([waiting("abc", ended), late()], FLEET, lambda _: None)
    assert ended == ["abc"]
