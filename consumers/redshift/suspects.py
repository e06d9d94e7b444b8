"""Objects that COPY refuses when loaded alone, across passes, and the decision to quarantine them. Pure."""

from collections import Counter
from collections.abc import Sequence

from consumers.redshift.isolate import Suspect

UNNAMED_REFUSALS = 3
"""Refusals after which an object is quarantined that the database does not name as the cause."""


class Suspects:
    """The objects that COPY has refused. `refusals` counts the refusals of each object, by key.

    An object is quarantined only if another object loads, which shows that the table is not the cause. This evidence is
    remembered for each object that was refused in that pass, in case its quarantine is not stored at once.
    """

    def __init__(self, refusals: Counter[str]) -> None:
        """Begin with these counts."""
        self._refusals = refusals
        self._shown: set[str] = set()

    def refused(self, suspects: Sequence[Suspect], *, others_load: bool) -> tuple[list[Suspect], list[Suspect]]:
        """Record the refusals of a pass. Return the objects to quarantine, and those that keep waiting."""
        ripe: list[Suspect] = []
        left: list[Suspect] = []
        for one in suspects:
            key = one.staged.key
            self._refusals[key] += 1
            self._shown |= {key} if others_load else set()
            evident = one.named or self._refusals[key] >= UNNAMED_REFUSALS
            (ripe if evident and key in self._shown else left).append(one)
        return ripe, left

    def forget(self, key: str) -> None:
        """Forget an object that is settled."""
        self._refusals.pop(key, None)
        self._shown.discard(key)
