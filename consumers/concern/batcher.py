"""Gathers a shard's records into the next outbox, without I/O. It needs a clock: preparing can take seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from consumers.concern.outbox import Item, Made, Outbox
from consumers.documents.document import Rejected
from consumers.parts import LOOK_S, Room
from consumers.records import Record

Prepare = Callable[[Record], Made | Rejected]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a batch: the first one that is reached closes it. Bytes are those of payloads."""

    max_bytes: int
    max_records: int
    max_age_s: float


class OutboxBatcher(Generic[Made]):
    """Gathers records into one open batch at a time."""

    def __init__(self, shard: str, limits: Limits, prepare: Prepare[Made], clock: Callable[[], float]) -> None:
        """Begin without an open batch. `clock` returns monotonic seconds."""
        self._shard = shard
        self._limits = limits
        self._prepare = prepare
        self._clock = clock
        self.clear()

    @property
    def empty(self) -> bool:
        """Whether no batch is open."""
        return not self._items

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time in the open batch, or None if none is open."""
        return min((item.record.arrival_ms for item in self._items), default=None)

    def clear(self) -> None:
        """Discard the open batch."""
        self._items: list[Item[Made]] = []
        self._bytes = 0
        self._opened = 0.0

    def open(self, room: Room, now: float) -> None:  # noqa: ARG002 - records have no fixed place
        """Begin a batch at the next record."""
        self.clear()
        self._opened = now

    def add(self, records: Sequence[Record]) -> int:
        """Prepare records up to the next limit, or until LOOK_S seconds have passed. Return how many were taken."""
        until, most, taken = self._clock() + LOOK_S, self._limits.max_bytes, 0
        for record in records[: self._limits.max_records - len(self._items)]:
            self._items.append(item_of(record, self._prepare))
            self._bytes += len(record.payload)
            taken += 1
            if self._bytes >= most or self._clock() >= until:
                break
        return taken

    def due(self, now: float) -> str | None:
        """Return which limit requires the batch to be written now, or None."""
        if not self._items:
            return None
        if self._bytes >= self._limits.max_bytes:
            return "bytes"
        if len(self._items) >= self._limits.max_records:
            return "records"
        return "age" if now - self._opened >= self._limits.max_age_s else None

    def take(self, why: str) -> Outbox[Made]:  # noqa: ARG002 - the reason does not change a batch
        """Return the open batch and close it."""
        outbox = Outbox(self._shard, self._items)
        self.clear()
        return outbox


def item_of(record: Record, prepare: Prepare[Made]) -> Item[Made]:
    """Prepare one record."""
    made = prepare(record)
    if isinstance(made, Rejected):
        return Item(record, None, rejected=made, unfit=True)  # type: ignore[arg-type]  # nothing reads it
    return Item(record, made)
