"""The index's sink: sends documents until each outcome is known, then stores the rejected as dead letters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.rejecting import Permit, letters_of, paused
from consumers.parts import Room
from consumers.records import Position, Record
from consumers.search.batch import IndexBatch, Tally
from consumers.search.bulk import Bulk, Stuck
from consumers.waiting import Log

SAY_EVERY_S = 60.0
_REMEDY = "where the server rejects them, mend the mapping: it is asked anew. What is no document at all passes only by"


class Letters(Protocol):
    """The store of dead letters."""

    def put(self, letters: Sequence[Letter]) -> None:
        """Store letters durably. Raises `Unavailable` if it must be retried."""


@dataclass(slots=True)
class Indexer:
    """Writes one shard's batches. `head` is the part that the shard's dead letters share."""

    bulk: Bulk
    letters: Letters
    head: LetterHead
    permit: Permit
    breaker: Breaker
    clock: Callable[[], float]
    log: Log
    tally: Tally = field(default_factory=Tally)
    _said: float | None = None

    def begin(self, first: Record) -> Room:  # noqa: ARG002 - documents have no fixed place
        """Return a `Room` without limits: whether a document exists already is found out one by one."""
        return Room()

    def write(self, batch: IndexBatch) -> Position:
        """Index the documents, store the rejected records as dead letters, and return the batch's last position."""
        try:
            self.bulk.send(batch)
        except Stuck as fault:
            if not self.permit.allowed(stuck=True):
                raise
            fault.reject()
            batch.forget_settled()
            self.bulk.send(batch)
        dead = batch.dead()
        if self.breaker.refuses(len(batch.records), len(dead)) and not self.permit.allowed():
            batch.reconsider()
            raise paused(len(batch.records), dead, of="request", remedy=_REMEDY)
        if dead:
            self.letters.put(letters_of(self.head, dead))
        self.breaker.note(len(batch.records), len(dead))
        self._account(batch.tally())
        return batch.last

    def _account(self, tally: Tally) -> None:
        if not tally.balanced:
            message = f"records are not accounted for: {tally}"
            raise RuntimeError(message)
        self.tally.add(tally)
        now = self.clock()
        if self._said is None or now - self._said >= SAY_EVERY_S:
            self._said = now
            self.say()

    def say(self) -> None:
        """Log the number of records by outcome since this process took the shard."""
        tally = self.tally
        self.log.info(
            "indexed",
            records=tally.records,
            indexed=tally.indexed,
            duplicates=tally.duplicates,
            dead_letters=tally.dead_letters,
            filtered=tally.filtered,
        )
