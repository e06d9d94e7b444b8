"""Suspect records: a shard that began too often at one place tries its records in subprocesses first.

Each consumer that looks into records has one `Suspects` for each shard, which is asked before records are judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from consumers.letters.careful import Careful
from consumers.letters.killer import Find, Judge, find_killer
from consumers.letters.starts import Starts
from consumers.records import Position, Record
from consumers.waiting import Log

Condemn = Callable[[Mapping[Position, str]], None]
"""Gives the judge the positions that it must not judge, each with its reason."""


@dataclass(slots=True)
class Suspects:
    """The suspects of one shard that began at `start`. `judge` does with a record what the process will do."""

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
        """Whether the shard's start was counted."""
        return self._careful is not None

    def begin(self) -> None:
        """Count the shard's start once, with its first records, and load the condemned records.

        Raises:
            Unavailable: the bucket of the dead letters did not answer. Call again.

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
        """Return how many of these records, counted from the first, may be judged now.

        They are tried in subprocesses if the shard is careful.

        Raises:
            Unavailable: as `Careful.ready` does.

        """
        if self._careful is None or not self._suspicious:
            return len(records)
        count = self._careful.ready(records)
        self.condemn(self._careful.condemned)
        return count

    def settled(self, oldest_ms: int | None) -> None:
        """Stop being careful once everything delivered is durable, which an `oldest_ms` of None means."""
        if oldest_ms is None and self._careful is not None:
            self._suspicious = False
