"""The stage's sink and watch: what a shard's chain of staged objects needs besides the chain.

records -> rows -> chain -> the standing object's letters into the dead letters -> checkpoint
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
from consumers.letters.suspects import Suspects
from consumers.pipeline import Room
from consumers.records import Position, Record
from consumers.redshift.beside import REMEDY, LettersGone, letters_beside
from consumers.redshift.stage_writer import REJECTED
from consumers.waiting import Parked, Unavailable


class Letters(Protocol):
    """Where dead letters go."""

    def put_once(self, letters: Sequence[Letter]) -> None:
        """Hold them durably, unless they were removed since they were put; raises `Unavailable` to be tried again."""


class Permit(Protocol):
    """An operator's word."""

    def allowed(self, *, stuck: bool = False) -> bool:
        """Say whether rejected records may pass, however many; raises `Unavailable` to be asked again."""
        ...


@dataclass(slots=True)
class Stage:
    """Writes a shard's staged objects, unless too many of its records are rejected."""

    chain: Chain
    permit: Permit
    breaker: Breaker

    def begin(self, first: Record) -> Room:
        """Look at what stands where an object with this first record would be."""
        return self.chain.begin(first)

    def write(self, batch: ObjectBatch) -> Position:
        """Store the object, or adopt the one that stands at its key."""
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

    `hours` keeps the watermark, `suspects` looks for records that end the process. `declare` makes durable which table
    the rows are made for.
    """

    hours: ShardWatch
    declare: Callable[[], None]
    suspects: Suspects
    store: ObjectStore
    letters: Letters

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        """Take note of a delivery, and learn which records are condemned."""
        if records and not self.suspects.known:
            self.declare()
            self.suspects.begin()
        return self.hours.received(records, caught_up=caught_up)  # last: a delivery that is noted twice hides its gap

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these may be judged now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Let the watermark follow, and trust the records again once nothing of a delivery is open."""
        self.hours.settled(oldest_ms)
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Let everybody know that nothing follows."""
        self.hours.ended()

    def lapse(self, first: Position) -> str | None:
        """Take the reason why records may be missing before an object that begins here; None if none can be."""
        return self.hours.lapse(first)

    def stands(self, key: str, link: Link) -> None:
        """Put the dead letters of an object that stands where they are found, before anything of it is committed."""
        try:
            letters = letters_beside(self.store, key, link)
        except LettersGone as fault:
            raise Parked(str(fault), REMEDY) from fault
        if letters:
            self.letters.put_once(letters)
        self.hours.stands(key, link)
