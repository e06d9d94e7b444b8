"""What must be known before a delivery's records are judged: the names of their indices, and who must not be tried."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.letters.careful import Careful
from consumers.letters.killer import Find, find_killer
from consumers.letters.starts import Starts
from consumers.records import HOUR_MS, Record
from consumers.search.judge import Judge
from consumers.search.names import IndexNames
from consumers.waiting import Log


def nobody() -> None:
    """Claim nothing."""


@dataclass(slots=True)
class Following:
    """The pipeline's watch over the deliveries of one shard that begins at `start`.

    `claim` makes sure that what is kept of it is nobody else's. The shard's beginning is counted with its first
    records. If it began here too often, records are tried apart, by `find`, until one delivery has gone through.
    """

    names: IndexNames
    starts: Starts
    start: str
    judge: Judge
    log: Log
    find: Find = find_killer
    claim: Callable[[], None] = nobody
    _careful: Careful | None = None
    _suspicious: bool = False

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Learn what the records need. An index has no gaps that anybody could mark."""
        if not records:
            return False
        if self._careful is None:
            self.claim()
        self.names.learn({record.arrival_ms // HOUR_MS for record in records})
        if self._careful is None:
            state = self.starts.begin(self.start)
            self._careful = Careful(self.starts, state, self.judge.judge, self.log, self.find)
            self._suspicious = state.careful
            self.judge.condemned = self._careful.condemned
            if state.careful:
                reason = f"it began {state.starts} times in a row at {state.start}"
                self.log.warning("careful", reason=reason, remedy="none: records are tried apart, which takes longer")
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Try some of them apart, where there is a reason to."""
        if self._careful is None or not self._suspicious:
            return len(records)
        count = self._careful.ready(records)
        self.judge.condemned = self._careful.condemned
        return count

    def settled(self, oldest_ms: int | None) -> None:
        """Trust the records again, once nothing of a delivery is open."""
        if oldest_ms is None and self._careful is not None:
            self._suspicious = False

    def ended(self) -> None:
        """Need nothing."""
