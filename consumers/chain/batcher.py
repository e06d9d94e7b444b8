"""Gathers a shard's records into the next object of its chain. Pure: it uses no clock and no store."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from consumers import alive
from consumers.chain.content import Content, Writer
from consumers.parts import Room
from consumers.records import HOUR_MS, Position, Record, position_of

MOST_PAYLOAD_BYTES = 512 << 20  # an adoption may have to read a whole object again while the shard waits
_BEAT_RECORDS = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits at which an object is cut, whichever comes first.

    Bytes are compressed. The age in seconds counts from the object's first record.
    """

    max_bytes: int
    max_records: int
    max_age_s: float


@dataclass(frozen=True, slots=True)
class ObjectBatch:
    """A finished object, and the run of records that it holds."""

    first: Position
    last: Position
    count: int
    first_arrival_ms: int
    min_arrival_ms: int
    max_arrival_ms: int
    content: Content
    why: str

    def after(self, position: Position) -> Iterator[Record]:
        """Yield the batch's records after a position. They are read again from the object."""
        for number, record in enumerate(self.content.records()):
            if not number % _BEAT_RECORDS:
                alive.beat()
            if record.position > position:
                yield record


class ChainBatcher:
    """A batcher with at most one open object.

    An object ends early where the arrival hour changes, so that its key gives the hour of each of its records. It also
    ends before the position of an object that stands already.
    """

    def __init__(self, limits: Limits, new_writer: Callable[[], Writer]) -> None:
        """Start without an open object. `new_writer` is called for each object."""
        self._limits = limits
        self._new = new_writer
        self._writer: Writer | None = None
        self.clear()

    @property
    def empty(self) -> bool:
        """Whether no object is open."""
        return self._writer is None

    def clear(self) -> None:
        """Discard the open object."""
        self._writer = None
        self._cut: str | None = None
        self._first: Record | None = None
        self._last: Record | None = None
        self._count = 0
        self._min_ms = self._max_ms = 0
        self._opened = 0.0
        self._before: Position | None = None

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time in the open object, or None if none is open."""
        return self._min_ms if self._count else None

    def open(self, room: Room, now: float) -> None:
        """Open an object that begins with the next record."""
        self._writer = self._new()
        self._opened = now
        self._before = room.before

    def add(self, records: Sequence[Record]) -> int:
        """Add records up to the next cut, or as many as the writer has time for, and return how many were added."""
        if self._writer is None:
            message = "no object is open"
            raise RuntimeError(message)
        first = self._first or records[0]
        arrivals = [record.arrival_ms for record in records]
        whole, low, high = len(records), min(arrivals), max(arrivals)
        hour = first.arrival_ms // HOUR_MS
        one_hour = low // HOUR_MS == hour == high // HOUR_MS
        end = self._next_cut(records, None if one_hour else arrivals, hour)
        if end == 0:
            return 0
        if end < whole:
            records, arrivals = records[:end], arrivals[:end]
        taken = self._writer.add(records, arrivals)
        if taken < end:
            end, self._cut = taken, None  # the planned cut is not reached yet
            records, arrivals = records[:end], arrivals[:end]
        if end < whole:
            low, high = min(arrivals), max(arrivals)
        self._min_ms = min(self._min_ms, low) if self._first else low
        self._max_ms = max(self._max_ms, high)
        self._first, self._last = first, records[-1]
        self._count += end
        return end

    def due(self, now: float) -> str | None:
        """Return the reason why the object must be written now, or None."""
        if self._writer is None or not self._count:
            return None
        if self._cut:
            return self._cut
        if self._writer.compressed_bytes >= self._limits.max_bytes or self._writer.payload_bytes >= MOST_PAYLOAD_BYTES:
            return "bytes"
        if self._count >= self._limits.max_records:
            return "records"
        return "age" if now - self._opened >= self._limits.max_age_s else None

    def take(self, why: str) -> ObjectBatch:
        """Finish the open object, and return it."""
        if self._writer is None or self._first is None or self._last is None:
            message = "no object is open"
            raise RuntimeError(message)
        batch = ObjectBatch(
            self._first.position,
            self._last.position,
            self._count,
            self._first.arrival_ms,
            self._min_ms,
            self._max_ms,
            self._writer.finish(),
            why,
        )
        self.clear()
        return batch

    def _next_cut(self, records: Sequence[Record], arrivals: Sequence[int] | None, hour: int) -> int:
        """Compute how many records may be added; `arrivals` is None if all lie in the object's hour."""
        end = min(len(records), self._limits.max_records - self._count)
        if arrivals is not None:
            at = next(i for i, ms in enumerate(arrivals) if ms // HOUR_MS != hour)
            if at < end:
                end, self._cut = at, "hour"
        if end and self._before is not None and records[end - 1].position >= self._before:
            end = bisect_left(records, self._before, hi=end, key=position_of)
            self._cut = "standing"
        return end
