"""The index's sink: sends documents until each outcome is known, then stores the rejected as dead letters."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consumers.documents.document import Rejected
from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter, LetterHead, letter_of
from consumers.parts import Room
from consumers.records import Position, Record
from consumers.search.batch import IndexBatch, Tally
from consumers.search.bulk import Bulk, Stuck
from consumers.waiting import Log, Unavailable

SAY_EVERY_S = 60.0


class Letters(Protocol):
    """The store of dead letters."""

    def put(self, letters: Sequence[Letter]) -> None:
        """Store letters durably. Raises `Unavailable` if it must be retried."""


class Permit(Protocol):
    """An operator's permission to reject records."""

    def allowed(self, *, stuck: bool = False) -> bool:
        """Return whether any number of records may be rejected; with `stuck`, also those that the server fails on.

        Raises:
            Unavailable: ask again.
        """
        ...


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
            raise _paused(batch, dead)
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


def letters_of(head: LetterHead, dead: Sequence[tuple[Record, Rejected]]) -> list[Letter]:
    """Make the dead letters of rejected records."""
    return [letter_of(head, record, rejected.reason, rejected.detail) for record, rejected in dead]


def _paused(batch: IndexBatch, dead: Sequence[tuple[Record, Rejected]]) -> Unavailable:
    reasons = Counter(rejected.reason for _, rejected in dead).most_common(3)
    said = ", ".join(f"{reason} {count}" for reason, count in reasons)
    return Unavailable(
        f"paused: too many records are rejected, of this request {len(dead)} of {len(batch.records)} ({said})",
        "where the server rejects them, mend the mapping: it is asked anew. What is no document at all passes only by "
        "kinesis-fleet dead-letters let-through --for 1h FILE",
        operator=True,
    )
