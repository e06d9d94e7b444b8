"""What a shard does that began at one place again and again: every record is tried in a subprocess first."""

from collections.abc import Callable, Sequence

from consumers.letters.killer import Judge, Verdict, Why, find_killer
from consumers.letters.starts import MOST_CONDEMNED, Starts, StartState
from consumers.records import Position, Record
from consumers.waiting import Log, Parked

Find = Callable[[Sequence[Record], Judge, Callable[[Position], None]], Verdict]


class Careful:
    """Knows the condemned of one shard, and finds more. The caller dead-letters them as `kills_process`.

    What it does may be repeated: it raises `Unavailable` while the bucket is away.
    """

    def __init__(self, starts: Starts, state: StartState, judge: Judge, log: Log, find: Find = find_killer) -> None:
        """Join a shard's state with what does to a record what the process will do. `state` is what `begin` gave."""
        self._starts = starts
        self._state = state
        self._judge = judge
        self._log = log
        self._find = find

    @property
    def condemned(self) -> frozenset[Position]:
        """The positions of records that must not be touched: also where one need not be careful."""
        return self._state.positions

    def survivors(self, records: Sequence[Record]) -> list[Record]:
        """Try these records, and give those that are not condemned.

        A search without a result condemns nothing: the process then goes on, and may die.

        Raises:
            Parked: one record after the other ends the process, so it is not the records that are wrong.
            Unavailable: the bucket does not accept the mark.

        """
        while True:
            alive = [record for record in records if record.position not in self.condemned]
            if not alive:
                return alive
            verdict = self._find(alive, self._judge, self._starts.mark)
            if verdict.killer is None:
                if verdict.why is not Why.NONE_KILLS:
                    self._starts.clear()
                    self._log.warning("killer_not_found", reason=verdict.why.value, how=list(verdict.how))
                return alive
            self._condemn(verdict.killer.position, verdict.how)

    def _condemn(self, position: Position, deaths: tuple[str, ...]) -> None:
        if len(self.condemned) >= MOST_CONDEMNED:
            reason = f"more than {MOST_CONDEMNED} records end the process, one after the other: the last is {position}"
            raise Parked(reason, "go back to the version before, and report it as a bug: the records are kept")
        self._state = self._starts.condemn(position, deaths)
        self._log.error(
            "killer_found",
            reason=f"the process ends whenever it judges {position}",
            position=str(position),
            how=list(deaths),
            remedy="it goes to the dead letters as kills_process: look at it there, and report it as a bug",
        )
