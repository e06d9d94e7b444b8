"""The flow of one shard's records from the pipe to the destination. Read this file first.

    pipe -> records -> batcher -> sink writes until durable, and returns how far -> checkpoint -> watermark

Everything here is synchronous. Blocking is the backpressure: the daemon sends nothing more until it is answered.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from consumers import alive
from consumers.deliveries import Deliveries
from consumers.envelope import Unreadable
from consumers.parts import Aside, Batch, Batcher, DeliveryWatch, NoAside, NoDeliveryWatch, Sink
from consumers.records import Position, Record, position_of
from consumers.waiting import DeadlineReached, Patience

RUN_BYTES, RUN_RECORDS = 8 << 20, 10_000
"""The limits of a run that is taken again from a batch because another writer's batch ends inside it.

A run is about as large as a delivery.
"""

BatchT = TypeVar("BatchT", bound="Batch")
Commit = Callable[[Position], None]


def _later(_position: Position) -> None:
    """Do nothing: the caller commits."""


class _Terms(NamedTuple):
    """How long the writes of one call may take, until a monotonic second, and what commits them."""

    deadline: float | None
    commit: Commit


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
        terms = _Terms(None, commit)
        gap = self._patience.until_done(lambda: self._watch.received(records, caught_up=caught_up))
        why = self._batcher.due(now)  # before the new records, which may come after a gap of any length
        if why:
            self._write(why, now, terms)
        while gap and not self._batcher.empty:
            self._write("gap", now, terms)
        if records and self._delivered:
            new = _after(records, self._delivered)
            self._deliveries.insist(records[: len(records) - len(new)])
            records = new
        if records:
            self._deliveries.take(records)
            self._delivered = records[-1].position
            self._take(records, now, terms)

    def settle(self) -> None:
        """Advance the watermark, once the position that may be checkpointed has been."""
        self._watch.settled(self.oldest_ms)

    def end(self, now: float) -> None:
        """Write everything that was taken, however long it takes, and note the shard's end."""
        self.drain(now)
        self._patience.until_done(self._watch.ended)

    def drain(self, now: float, deadline: float | None = None) -> bool:
        """Write everything that was taken; return False if the monotonic `deadline` passes first."""
        terms = _Terms(deadline, _later)
        try:
            while not self._batcher.empty:
                self._write("drain" if deadline else "shard_end", now, terms)
        except DeadlineReached:
            return False
        return True

    def abandon(self) -> None:
        """Discard what is not written: another process holds the lease now."""
        self._batcher.clear()

    def _take(self, records: Sequence[Record], now: float, terms: _Terms) -> None:
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
                room = self._patience.until_done(lambda first=first: self._sink.begin(first), terms.deadline)  # type: ignore[misc]
                if room.covered is not None and room.covered >= first.position:
                    self._covered = room.covered
                    continue
                self._batcher.open(room, now)
            ready = self._patience.until_done(lambda left=records: self._watch.ready(left), terms.deadline)  # type: ignore[misc]
            records = records[self._batcher.add(records[:ready] if ready < len(records) else records) :]
            alive.beat()
            now = self._patience.clock()
            why = self._batcher.due(now)
            if why:
                self._write(why, now, terms)
                now = self._patience.clock()

    def _write(self, why: str, now: float, terms: _Terms) -> None:
        batch = self._batcher.take(why)
        self._covered = self._patience.until_done(lambda: self._sink.write(batch), terms.deadline)
        if self.durable is not None:
            terms.commit(self.durable)
        if self._covered < batch.last:  # another writer's batch ends inside this one: go on after its end
            for run in _runs(batch.after(self._covered)):
                self._take(run, now, terms)


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
