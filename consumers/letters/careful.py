"""The mode of a shard that began too often at one place: every record is tried in a subprocess first."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from consumers.letters.killer import Find, Judge, Verdict, Why, find_killer
from consumers.letters.letter import TOO_SLOW
from consumers.letters.starts import MOST_CONDEMNED, Starts, StartState
from consumers.records import Position, Record, position_of
from consumers.waiting import Log, Parked


class Careful:
    """The condemned records of one shard, and the search for more. The caller makes them dead letters.

    Its methods may be repeated. They raise `Unavailable` while the bucket is away.
    """

    def __init__(self, starts: Starts, state: StartState, judge: Judge, log: Log, find: Find = find_killer) -> None:
        """Connect a shard's state, as `Starts.begin` returned it, with the function that judges a record."""
        self._starts = starts
        self._state = state
        self._judge = judge
        self._log = log
        self._find = find
        self._tried_to: Position | None = None

    @property
    def condemned(self) -> Mapping[Position, str]:
        """The positions of records that must not be judged, each with its reason, also when not careful."""
        return self._state.reasons

    def ready(self, records: Sequence[Record]) -> int:
        """Try the first of these records, and return how many may be judged now; at least one.

        Condemned records count too. A search without a result condemns nothing: the process then goes on, and may die.

        Raises:
            Parked: more than `MOST_CONDEMNED` records end the process, so the records are not the cause.
            Unavailable: the bucket did not accept the state.

        """
        if self._tried_to is not None and records[0].position <= self._tried_to:
            return bisect_right(records, self._tried_to, key=position_of)
        while left := [record for record in records if record.position not in self.condemned]:
            verdict = self._find(left, self._judge, self._starts.mark)
            if verdict.killer is not None:
                self._condemn(verdict.killer.position, verdict)
                continue
            if verdict.why is Why.NONE_KILLS:
                left = left[: max(verdict.tried, 1)]
            else:
                self._starts.clear()
                self._log.warning("killer_not_found", reason=verdict.why.value, how=list(verdict.how))
            self._tried_to = left[-1].position
            return bisect_right(records, self._tried_to, key=position_of)
        return len(records)

    def _condemn(self, position: Position, verdict: Verdict) -> None:
        if len(self.condemned) >= MOST_CONDEMNED:
            reason = f"more than {MOST_CONDEMNED} records end the process, one after the other: the last is {position}"
            raise Parked(reason, "go back to the version before, and report it as a bug: the records are kept")
        self._state = self._starts.condemn(position, verdict.how, verdict.reason)
        ends = "takes more CPU time than any may" if verdict.reason == TOO_SLOW else "ends the process"
        self._log.error(
            "killer_found",
            reason=f"{position} {ends} whenever it is tried alone",
            position=str(position),
            how=list(verdict.how),
            remedy=f"it goes to the dead letters as {verdict.reason}: look at it there, and report it as a bug",
        )
