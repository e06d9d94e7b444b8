"""The parts that a pipeline joins, as Protocols, and the values that they exchange."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from consumers.envelope import Unreadable
from consumers.records import Position, Record

LOOK_S = 0.25
"""The time in seconds that a batcher may spend on one call before its owner looks at the clock."""

Made_co = TypeVar("Made_co", bound="Batch", covariant=True)
Taken_contra = TypeVar("Taken_contra", bound="Batch", contravariant=True)


class Batch(Protocol):
    """A contiguous run of one shard's records, ready to be written."""

    @property
    def last(self) -> Position:
        """The position of the batch's last record."""
        ...

    def after(self, position: Position) -> Iterable[Record]:
        """Return the batch's records after a position, in order."""
        ...


class Batcher(Protocol[Made_co]):
    """Gathers records until a batch is worth writing. Pure: time and positions come as arguments."""

    @property
    def empty(self) -> bool:
        """Whether no batch is open."""
        ...

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time in the open batch, or None if none is open."""
        ...

    def open(self, room: "Room", now: float) -> None:
        """Open a batch that begins with the next record."""

    def add(self, records: Sequence[Record]) -> int:
        """Add records up to the next cut, and return how many were added.

        Where records take long, fewer are added: as many as fit into `LOOK_S`, and at least one.
        """
        ...

    def due(self, now: float) -> str | None:
        """Return the reason why the batch must be written now, or None."""
        ...

    def take(self, why: str) -> Made_co:
        """Return the open batch, and close it."""
        ...

    def clear(self) -> None:
        """Discard the open batch."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the daemon begins this shard: after a checkpoint, or at an initial position, given by its name."""

    checkpoint: Position | None
    initial: str | None


@dataclass(frozen=True, slots=True)
class Room:
    """What the destination holds at the place where a batch would begin.

    `covered`: the records up to this position are durable already, whichever process wrote them. Skip them.
    `before`: something stands at this position already. A batch that begins here must end before it.
    """

    covered: Position | None = None
    before: Position | None = None


class Sink(Protocol[Taken_contra]):
    """A destination. Each call may block and may be repeated. It raises `Unavailable` to be tried again."""

    def begin(self, first: Record) -> Room:
        """Look at the place where a batch with this first record would stand."""
        ...

    def write(self, batch: Taken_contra) -> Position:
        """Store the batch, and return the position up to which the destination holds everything durably.

        Where another writer was first, the position may lie before the batch's end, or beyond it.
        """
        ...


class DeliveryWatch(Protocol):
    """An observer of what was delivered, and of what of it is durable. All but `settled` may raise `Unavailable`."""

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        """Note a delivery, and return whether records may be missing before it.

        `caught_up`: no further records waited in the stream when it was read.
        """
        ...

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of the records, counted from the first, may be gathered now; at least one."""
        ...

    def settled(self, oldest_ms: int | None) -> None:
        """Note that everything delivered is durable except what arrived from `oldest_ms` on."""

    def ended(self) -> None:
        """Note that the shard has ended, and that all of it is durable."""


class NoDeliveryWatch:
    """A watch that does nothing."""

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Return False: no gap is known."""
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Return the number of all records."""
        return len(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Do nothing."""

    def ended(self) -> None:
        """Do nothing."""


class Aside(Protocol):
    """The place for the elements of a delivery that are no records."""

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:
        """Store the elements durably. Raises `Unavailable` to be called again.

        `records` is the number of records that came with them. `delivered` is the last position that was delivered
        before.
        """


class NoAside:
    """The aside of a consumer that has no place for such elements: it ends rather than go on without them."""

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:  # noqa: ARG002 - as the protocol has it
        """Return if there is nothing to store.

        Raises:
            NoPlace: there are unreadable elements.

        """
        if unreadable:
            message = f"{len(unreadable)} records cannot be read, and this consumer has no dead letters: " + (
                unreadable[0].fault
            )
            raise NoPlace(message)


class NoPlace(Exception):
    """A record cannot be read, and the consumer has no place to store it."""
