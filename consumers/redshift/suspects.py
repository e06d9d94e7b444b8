"""Objects that COPY refuses alone, from pass to pass, and which of them are quarantined. Pure."""

from collections import Counter
from collections.abc import Sequence

from consumers.redshift.isolate import Suspect

UNNAMED_REFUSALS = 3
"""So often an object is refused that the database does not name as the cause, before it is quarantined."""


class Suspects:
    """What is known of them. `refusals` counts those of each object, by its key.

    That another object loads shows that the table is well. It is remembered of each object that was refused then: it
    stays true of a refusal whose quarantine was not written at once.
    """

    def __init__(self, refusals: Counter[str]) -> None:
        """Begin with these."""
        self._refusals = refusals
        self._shown: set[str] = set()

    def refused(self, suspects: Sequence[Suspect], *, others_load: bool) -> tuple[list[Suspect], list[Suspect]]:
        """Take note of a pass's refusals, and give those to be quarantined, and those that wait."""
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
        """Take note that an object is done with."""
        self._refusals.pop(key, None)
        self._shown.discard(key)
