"""Records that may end the process: a shard that began too often at one place tries its records apart first.

Each consumer that looks into records has one of these for each shard, and asks it between a delivery and its judging.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from consumers.letters.careful import Careful
from consumers.letters.killer import Find, Judge, find_killer
from consumers.letters.starts import Starts
from consumers.records import Position, Record
from consumers.waiting import Log

Condemn = Callable[[Mapping[Position, str]], None]
"""Tells the judge which positions it must not touch, and what for."""


@dataclass(slots=True)
class Suspects:
    """One shard's, from the place `start` on. `judge` does to a record what the process will do with it."""

    starts: Starts
    start: str
    judge: Judge
    condemn: Condemn
    log: Log
    find: Find = find_killer
    _careful: Careful | None = field(default=None, init=False)
    _suspicious: bool = field(default=False, init=False)

    @property
    def known(self) -> bool:
        """Whether the shard's beginning was counted."""
        return self._careful is not None

    def begin(self) -> None:
        """Count the shard's beginning once, with its first records, and learn which records are condemned.

        Raises:
            Unavailable: the bucket of the dead letters did not answer: call again.

        """
        if self._careful is not None:
            return
        state = self.starts.begin(self.start)
        self._careful = Careful(self.starts, state, self.judge, self.log, self.find)
        self._suspicious = state.careful
        self.condemn(self._careful.condemned)
        if state.careful:
            reason = f"it began {state.starts} times in a row at {state.start}"
            self.log.warning("careful", reason=reason, remedy="none: records are tried apart, which takes longer")

    def ready(self, records: Sequence[Record]) -> int:
        """Say how many of these may be judged now, from the first; try them apart where there is a reason to.

        Raises:
            Unavailable: as `Careful.ready` does.

        """
        if self._careful is None or not self._suspicious:
            return len(records)
        count = self._careful.ready(records)
        self.condemn(self._careful.condemned)
        return count

    def settled(self, oldest_ms: int | None) -> None:
        """Trust the records again once nothing of a delivery is open, which `oldest_ms` of None says."""
        if oldest_ms is None and self._careful is not None:
            self._suspicious = False
