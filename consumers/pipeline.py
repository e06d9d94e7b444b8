"""One shard's way from the pipe to the destination. Read this file first: it is the whole flow.

    pipe -> records -> batcher -> sink writes until durable, and says how far -> checkpoint -> watermark

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
"""How long a batcher may go on with what it was given before its owner looks at the clock."""

RUN_BYTES, RUN_RECORDS = 8 << 20, 10_000
"""What is taken at once of an own batch that another writer's made way for: about a delivery."""

BatchT = TypeVar("BatchT", bound="Batch")
Made_co = TypeVar("Made_co", bound="Batch", covariant=True)
Taken_contra = TypeVar("Taken_contra", bound="Batch", contravariant=True)


class Batch(Protocol):
    """A contiguous run of one shard's records, ready to be written."""

    @property
    def last(self) -> Position:
        """The position of its last record."""
        ...

    def after(self, position: Position) -> Iterable[Record]:
        """Give its records that stand after a position, in order."""
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
        """Begin a batch at the next record."""

    def add(self, records: Sequence[Record]) -> int:
        """Take records up to the next cut, and say how many were taken.

        Where each takes its time, fewer are: those that `LOOK_S` was enough for, and one at least.
        """
        ...

    def due(self, now: float) -> str | None:
        """Say why the batch must be written now, or None."""
        ...

    def take(self, why: str) -> Made_co:
        """Hand the open batch over."""
        ...

    def clear(self) -> None:
        """Forget the open batch."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the daemon said that this shard begins: after a checkpoint, or at an initial position by its name."""

    checkpoint: Position | None
    initial: str | None


@dataclass(frozen=True, slots=True)
class Room:
    """What the destination knows of the place where a batch would begin.

    `covered`: everything up to here is durable already, by whoever wrote it: skip it.
    `before`: a batch that begins here must end before this position, where something stands already.
    """

    covered: Position | None = None
    before: Position | None = None


class Sink(Protocol[Taken_contra]):
    """A destination. Each call may block, may be repeated, and raises `Unavailable` to be tried again."""

    def begin(self, first: Record) -> Room:
        """Look at the place where a batch with this first record would stand."""
        ...

    def write(self, batch: Taken_contra) -> Position:
        """Return how far the destination holds everything durably.

        It may lie before the batch's end, or beyond it, where another writer was first.
        """
        ...


class Watch(Protocol):
    """Who follows what was delivered, and what of it is durable. All but `settled` may raise `Unavailable`."""

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        """Take note of a delivery; True if records may be missing before it. `caught_up`: nothing waited behind it."""
        ...

    def ready(self, records: Sequence[Record]) -> int:
        """Say how many of these, from the first, may be gathered now: one at least."""
        ...

    def settled(self, oldest_ms: int | None) -> None:
        """Take note that all that was delivered is durable, but what arrived from `oldest_ms` on."""

    def ended(self) -> None:
        """Take note that the shard has ended, and all of it is durable."""


class NoWatch:
    """Nobody follows."""

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Know of no gap."""
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Hold none back."""
        return len(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Forget it."""

    def ended(self) -> None:
        """Forget it."""


class Aside(Protocol):
    """Who keeps what of a delivery is no record."""

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:
        """Hold them durably; raises `Unavailable` to be called again.

        `records` is how many came with them, `delivered` the last position that came before.
        """


class NoAside:
    """Nobody does: a consumer that has no place for them ends, rather than to go on without them."""

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:  # noqa: ARG002 - as the protocol has it
        """Go on where there is nothing to keep.

        Raises:
            NoPlace: there is.

        """
        if unreadable:
            message = f"{len(unreadable)} records cannot be read, and this consumer has no dead letters: " + (
                unreadable[0].fault
            )
            raise NoPlace(message)


class NoPlace(Exception):
    """A record cannot be read, and there is no place to keep it in."""


Commit = Callable[[Position], None]


def _later(_position: Position) -> None:
    """Leave the commit to the caller."""


class Pipeline(Generic[BatchT]):
    """Offers a shard's records to a sink, and knows up to where they are durable."""

    def __init__(
        self,
        batcher: Batcher[BatchT],
        sink: Sink[BatchT],
        patience: Patience,
        watch: Watch | None = None,
        aside: Aside | None = None,
    ) -> None:
        """Join the parts of one shard."""
        self._watch = watch or NoWatch()
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

        It is the end of a whole batch of the destination, delivered to us: never a place inside one.
        """
        covered, delivered = self._covered, self._delivered
        if covered is None or delivered is None or covered > delivered or not covered.names_a_record:
            return None
        return covered

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time of what was taken and is not written, or None."""
        return self._batcher.oldest_ms

    def set_aside(self, unreadable: Sequence[Unreadable], records: int) -> None:
        """Keep what of a delivery is no record, before so many records of it are offered.

        Whatever is committed behind it then finds it durable. Blocks while it cannot be kept.
        """
        self._patience.until_done(lambda: self._aside.take(unreadable, records, self._delivered))

    def offer(self, records: Sequence[Record], now: float, commit: Commit = _later, *, caught_up: bool = False) -> None:
        """Take a delivery, which may be empty, and write what is due. `now` is in monotonic seconds.

        Blocks while the destination does not accept. `commit` is called after each batch with the position that may be
        checkpointed, before anything more is written; what it raises ends the delivery. `caught_up`: the daemon said
        that nothing waited behind this delivery when it was read.

        Raises:
            OutOfOrder: records come that others have overtaken. Nothing is committed after it.

        """
        self._commit = commit
        gap = self._patience.until_done(lambda: self._watch.received(records, caught_up=caught_up))
        why = self._batcher.due(now)  # first: what comes now may have followed a gap of any length
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
        """Let the watermark follow, once what may be checkpointed is."""
        self._watch.settled(self.oldest_ms)

    def end(self, now: float) -> None:
        """Write everything that was taken, however long it takes, and that nothing follows."""
        self.drain(now)
        self._patience.until_done(self._watch.ended)

    def drain(self, now: float, deadline: float | None = None) -> bool:
        """Write everything that was taken; False if the monotonic deadline came first."""
        self._commit = _later
        try:
            while not self._batcher.empty:
                self._write("drain" if deadline else "shard_end", now, deadline)
        except DeadlineReached:
            return False
        return True

    def abandon(self) -> None:
        """Forget what is not written: the shard belongs to somebody else now."""
        self._batcher.clear()

    def _take(self, records: Sequence[Record], now: float, deadline: float | None) -> None:
        """Gather records, and write what is due meanwhile: one of them can take seconds, and writing an hour."""
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
        if self._covered < batch.last:  # another writer's batch ends inside ours: its end is where we go on
            for run in _runs(batch.after(self._covered)):
                self._take(run, now, deadline)


def _after(records: Sequence[Record], position: Position) -> Sequence[Record]:
    if records[0].position > position:
        return records
    return records[bisect_right(records, position, key=position_of) :]


def _runs(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Take records that are read again in runs like those of deliveries: as many as fit into memory."""
    run, size = list[Record](), 0
    for record in records:
        run.append(record)
        size += len(record.payload)
        if size >= RUN_BYTES or len(run) >= RUN_RECORDS:
            yield run
            run, size = [], 0
    if run:
        yield run
