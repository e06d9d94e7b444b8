"""The sink and the watch of redshift_stage: what a shard's chain of staged objects needs besides the chain.

records -> rows -> chain -> the object's letters into the dead letters -> checkpoint
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from consumers.chain.batcher import ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.link import Link
from consumers.chain.store import ObjectStore
from consumers.hours.watch import ShardWatch
from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter
from consumers.letters.rejecting import Permit
from consumers.letters.suspects import Suspects
from consumers.parts import Room
from consumers.records import Position, Record
from consumers.redshift.beside import REMEDY, LettersGone, letters_beside
from consumers.redshift.stage_writer import REJECTED
from consumers.waiting import Parked, Unavailable


class Letters(Protocol):
    """The store of dead letters."""

    def put_once(self, letters: Sequence[Letter]) -> None:
        """Store letters durably, unless they were removed since. Raises `Unavailable` if it must be retried."""


@dataclass(slots=True)
class Stage:
    """Writes a shard's staged objects, unless too many of its records are rejected."""

    chain: Chain
    permit: Permit
    breaker: Breaker

    def begin(self, first: Record) -> Room:
        """Look up the object that exists at the place of one with this first record."""
        return self.chain.begin(first)

    def write(self, batch: ObjectBatch) -> Position:
        """Store the object, or adopt the one that exists at its key."""
        rejected = int(batch.content.notes[REJECTED])
        if self.breaker.refuses(batch.count, rejected) and not self.permit.allowed():
            reason = f"paused: too many records are rejected, of this object {rejected} of {batch.count}"
            remedy = (
                "correct the table file with a higher version, and start again; or let them into the dead letters: "
                "kinesis-fleet dead-letters let-through --for 1h FILE"
            )
            raise Unavailable(reason, remedy, operator=True)
        written = self.chain.write(batch)
        self.breaker.note(batch.count, rejected)
        return written


@dataclass(slots=True)
class StageWatch:
    """Follows one shard for the pipeline and for its chain.

    `hours` keeps the watermark, `suspects` finds records that end the process. `declare` stores durably which table the
    rows are made for.
    """

    hours: ShardWatch
    declare: Callable[[], None]
    suspects: Suspects
    store: ObjectStore
    letters: Letters

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        """Record a delivery, and look up which records are condemned."""
        if records and not self.suspects.known:
            self.declare()
            self.suspects.begin()
        return self.hours.received(records, caught_up=caught_up)  # last: recording a delivery twice would hide its gap

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these records may be judged now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Advance the watermark, and stop suspecting the records once nothing of a delivery is open."""
        self.hours.settled(oldest_ms)
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Record that the shard has ended."""
        self.hours.ended()

    def lapse(self, first: Position) -> str | None:
        """Return why records may be missing before an object that begins here, or None if none can be."""
        return self.hours.lapse(first)

    def stands(self, key: str, link: Link) -> None:
        """Store the dead letters of an object that exists, before any of its records is committed."""
        try:
            letters = letters_beside(self.store, key, link)
        except LettersGone as fault:
            raise Parked(str(fault), REMEDY) from fault
        if letters:
            self.letters.put_once(letters)
        self.hours.stands(key, link)
