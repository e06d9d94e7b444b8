"""The flow of one shard's records from the pipe to the destination. Read this file first.

    pipe -> records -> batcher -> sink writes until durable, and returns how far -> checkpoint -> watermark

Everything here is synchronous. Blocking is the backpressure: the daemon sends nothing more until it is answered.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from consumers import alive
from consumers.deliveries import Deliveries
from consumers.envelope import Unreadable
from consumers.records import Position, Record, position_of
from consumers.waiting import DeadlineReached, Patience

LOOK_S = 0.25
"""The time in seconds that a batcher may spend on one call before its owner looks at the clock."""

RUN_BYTES, RUN_RECORDS = 8 << 20, 10_000
"""The limits of a run that is taken again from a batch because another writer's batch ends inside it.

A run is about as large as a delivery.
"""

BatchT = TypeVar("BatchT", bound="Batch")
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


Commit = Callable[[Position], None]


def _later(_position: Position) -> None:
    """Do nothing: the caller commits."""


class Pipeline(Generic[BatchT]):
    """Passes a shard's records to a sink, and keeps the position up to which they are durable."""

    def __init__(
        self,
        batcher: Batcher[BatchT],
        sink: Sink[BatchT],
        patience: Patience,
        watch: DeliveryWatch | None = None,
        aside: Aside | None = None,
    ) -> None:
        """Connect the parts of one shard."""
        self._watch = watch or NoDeliveryWatch()
        self._aside = aside or NoAside()
        self._batcher = batcher
        self._sink = sink
        self._patience = patience
        self._deliveries = Deliveries()
        self._delivered: Position | None = None
        self._covered: Position | None = None
        self._commit: Commit = _later

    @property
    def durable(self) -> Position | None:
        """The position that may be checkpointed, or None.

        It is the end of a whole batch at the destination that was delivered to this process, never a place inside a
        batch.
        """
        covered, delivered = self._covered, self._delivered
        if covered is None or delivered is None or covered > delivered or not covered.names_a_record:
            return None
        return covered

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time of the records that were taken and are not yet written, or None."""
        return self._batcher.oldest_ms

    def set_aside(self, unreadable: Sequence[Unreadable], records: int) -> None:
        """Store the elements of a delivery that are no records. `records` is the number of its records.

        It is called before these records are offered, so that the elements are durable before anything behind them is
        committed. Blocks while they cannot be stored.
        """
        self._patience.until_done(lambda: self._aside.take(unreadable, records, self._delivered))

    def offer(self, records: Sequence[Record], now: float, commit: Commit = _later, *, caught_up: bool = False) -> None:
        """Take a delivery, which may be empty, and write what is due. `now` is in monotonic seconds.

        Blocks while the destination does not accept. `commit` is called after each batch with the position that may be
        checkpointed, before anything more is written. An exception that it raises ends the delivery. `caught_up` means
        that the daemon said that no further records waited in the stream when this delivery was read.

        Raises:
            OutOfOrder: a record comes that later ones have overtaken. Nothing is committed after it.

        """
        self._commit = commit
        gap = self._patience.until_done(lambda: self._watch.received(records, caught_up=caught_up))
        why = self._batcher.due(now)  # before the new records, which may come after a gap of any length
        if why:
            self._write(why, now, None)
        while gap and not self._batcher.empty:
            self._write("gap", now, None)
        if records and self._delivered:
            new = _after(records, self._delivered)
            self._deliveries.insist(records[: len(records) - len(new)])
            records = new
        if records:
            self._deliveries.take(records)
            self._delivered = records[-1].position
            self._take(records, now, None)

    def settle(self) -> None:
        """Advance the watermark, once the position that may be checkpointed has been."""
        self._watch.settled(self.oldest_ms)

    def end(self, now: float) -> None:
        """Write everything that was taken, however long it takes, and note the shard's end."""
        self.drain(now)
        self._patience.until_done(self._watch.ended)

    def drain(self, now: float, deadline: float | None = None) -> bool:
        """Write everything that was taken; return False if the monotonic `deadline` passes first."""
        self._commit = _later
        try:
            while not self._batcher.empty:
                self._write("drain" if deadline else "shard_end", now, deadline)
        except DeadlineReached:
            return False
        return True

    def abandon(self) -> None:
        """Discard what is not written: another process holds the lease now."""
        self._batcher.clear()

    def _take(self, records: Sequence[Record], now: float, deadline: float | None) -> None:
        """Gather records, and write what becomes due meanwhile.

        One record can take seconds, and one write can take an hour.
        """
        while records:
            if self._covered is not None:
                records = _after(records, self._covered)
                if not records:
                    return
            if self._batcher.empty:
                first = records[0]
                room = self._patience.until_done(lambda first=first: self._sink.begin(first), deadline)  # type: ignore[misc]
                if room.covered is not None and room.covered >= first.position:
                    self._covered = room.covered
                    continue
                self._batcher.open(room, now)
            ready = self._patience.until_done(lambda left=records: self._watch.ready(left), deadline)  # type: ignore[misc]
            records = records[self._batcher.add(records[:ready] if ready < len(records) else records) :]
            alive.beat()
            now = self._patience.clock()
            why = self._batcher.due(now)
            if why:
                self._write(why, now, deadline)
                now = self._patience.clock()

    def _write(self, why: str, now: float, deadline: float | None) -> None:
        batch = self._batcher.take(why)
        self._covered = self._patience.until_done(lambda: self._sink.write(batch), deadline)
        if self.durable is not None:
            self._commit(self.durable)
        if self._covered < batch.last:  # another writer's batch ends inside this one: go on after its end
            for run in _runs(batch.after(self._covered)):
                self._take(run, now, deadline)


def _after(records: Sequence[Record], position: Position) -> Sequence[Record]:
    if records[0].position > position:
        return records
    return records[bisect_right(records, position, key=position_of) :]


def _runs(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Split records that are read again into runs of about a delivery's size, which fit into memory."""
    run, size = list[Record](), 0
    for record in records:
        run.append(record)
        size += len(record.payload)
        if size >= RUN_BYTES or len(run) >= RUN_RECORDS:
            yield run
            run, size = [], 0
    if run:
        yield run
