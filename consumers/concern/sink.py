"""Delivers outboxes until each record is in the destination, or durable as a dead letter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol

from consumers.concern.outbox import Made, Outbox
from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.rejecting import Permit, letters_of, paused
from consumers.parts import Room
from consumers.records import Position, Record
from consumers.waiting import Log, Unavailable

_SAY_EACH_S = 60.0
_REMEDY = "where the destination refuses them, mend it: it is asked anew. What is unfit in itself passes only by"


class Letters(Protocol):
    """The store of dead letters."""

    def put(self, letters: Sequence[Letter]) -> None:
        """Store letters durably. Raises `Unavailable` if it must be retried."""


@dataclass(slots=True)
class OutboxSink(Generic[Made]):
    """Writes one shard's outboxes. `head` is the part that the shard's dead letters share."""

    deliver: Callable[[Outbox[Made]], None]
    letters: Letters
    head: LetterHead
    permit: Permit
    breaker: Breaker
    clock: Callable[[], float]
    log: Log
    _delivered: int = field(default=0, init=False)
    _rejected: int = field(default=0, init=False)
    _said: float | None = field(default=None, init=False)

    def begin(self, first: Record) -> Room:  # noqa: ARG002 - records have no fixed place
        """Return a `Room` without limits: by its contract, the destination tolerates a record that it has already."""
        return Room()

    def write(self, batch: Outbox[Made]) -> Position:
        """Deliver the pending items, store the dead letters, and return the batch's last position."""
        deliver(self.deliver, batch)
        dead = batch.rejected
        if self.breaker.refuses(len(batch), len(dead)) and not self.permit.allowed():
            batch.reconsider()
            raise paused(len(batch), dead, of="batch", remedy=_REMEDY)
        if dead:
            self.letters.put(letters_of(self.head, dead))
        self.breaker.note(len(batch), len(dead))
        self._account(len(batch) - len(dead), len(dead))
        return batch.last

    def _account(self, delivered: int, rejected: int) -> None:
        self._delivered += delivered
        self._rejected += rejected
        now = self.clock()
        if self._said is None or now - self._said >= _SAY_EACH_S:
            self._said = now
            self.log.info("delivered", records=self._delivered, dead_letters=self._rejected)


def deliver(call: Callable[[Outbox[Made]], None], outbox: Outbox[Made]) -> None:
    """Offer the pending items once.

    Raises:
        Unavailable: items are still pending. `progressed` says whether others were settled.
    """
    before = len(outbox.pending)
    if not before:
        return
    try:
        call(outbox)
    except Unavailable as fault:
        fault.progressed = len(outbox.pending) < before
        raise
    left = len(outbox.pending)
    if left:
        reason = f"{left} of {before} records were neither taken nor refused"
        raise Unavailable(reason, "look at the destination: they are offered again", progressed=left < before)
