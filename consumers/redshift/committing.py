"""The loader's transactions, and the fate of those whose COMMIT had no answer."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from consumers.redshift.database import Database, Unsure
from consumers.redshift.ledger import standing_of
from consumers.redshift.names import Names
from consumers.redshift.transaction import Step, locked
from consumers.waiting import Log


@dataclass(slots=True)
class Committing:
    """Runs transactions that write into the ledger.

    Consequences of a transaction, such as a count or an alarm, follow once it is known to be committed: by its answer,
    or by the ledger. So each is reported once, and only if it is there.
    """

    database: Database
    names: Names
    log: Log
    _unanswered: dict[str, Callable[[], None]] = field(default_factory=dict)

    def run(self, steps: Iterable[Step], load_id: str, stands: Callable[[], None]) -> None:
        """Run a transaction that writes `load_id` into the ledger, and call `stands` once it is committed.

        Raises:
            Unsure: the answer was lost; `resolve` looks it up.
            Unavailable, Taken, Refused, TooSlow: nothing was changed.
        """
        try:
            self.database.transact(tuple(steps), load_id)
        except Unsure:
            self._unanswered[load_id] = stands
            raise
        stands()

    def resolve(self) -> None:
        """Look up the transactions without an answer. Such a one may still run: the lock is free once it has ended."""
        if not self._unanswered:
            return
        self.database.transact(tuple(locked(self.names)), secrets.token_hex(8))
        rows = self.database.ask(standing_of(self.names, tuple(self._unanswered)))
        counts = {str(load_id): int(count) for load_id, count in rows}
        for load_id, stands in tuple(self._unanswered.items()):
            count = counts.get(load_id, 0)
            del self._unanswered[load_id]
            self.log.info("commit_resolved", load=load_id, stands=bool(count), objects=count)
            if count:
                stands()
