"""What must be known before a delivery's records are judged: the names of their indices, and who must not be tried."""

from collections.abc import Sequence

from consumers.letters.careful import Careful
from consumers.letters.starts import Starts
from consumers.records import HOUR_MS, Record
from consumers.search.judge import Judge
from consumers.search.names import IndexNames
from consumers.waiting import Log


class Following:
    """The pipeline's watch over one shard's deliveries.

    The shard's beginning is counted with its first records. If it began here too often, records are tried apart, until
    one delivery has gone through.
    """

    def __init__(self, names: IndexNames, starts: Starts, start: str, judge: Judge, log: Log) -> None:
        """Join what is known of a shard that begins at `start` with its judge."""
        self._names = names
        self._starts = starts
        self._start = start
        self._judge = judge
        self._log = log
        self._careful: Careful | None = None
        self._suspicious = False

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Learn what the records need. An index has no gaps that anybody could mark."""
        if not records:
            return False
        self._names.learn({record.arrival_ms // HOUR_MS for record in records})
        if self._careful is None:
            state = self._starts.begin(self._start)
            self._careful = Careful(self._starts, state, self._judge.judge, self._log)
            self._suspicious = state.careful
            self._judge.condemned = self._careful.condemned
            if state.careful:
                reason = f"it began {state.starts} times in a row at {state.start}"
                self._log.warning("careful", reason=reason, remedy="none: records are tried apart, which takes longer")
        if self._suspicious:
            self._careful.survivors(records)
            self._judge.condemned = self._careful.condemned
        return False

    def settled(self, oldest_ms: int | None) -> None:
        """Trust the records again, once nothing of a delivery is open."""
        if oldest_ms is None and self._careful is not None:
            self._suspicious = False

    def ended(self) -> None:
        """Need nothing."""
