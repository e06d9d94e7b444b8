"""Gathers a shard's records into the next bulk request, without I/O. It needs a clock: judging can take seconds."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.documents.document import Rejected
from consumers.documents.meter import Meter
from consumers.parts import LOOK_S, Room
from consumers.records import Record
from consumers.search.batch import Entry, IndexBatch

Judged = tuple[bytes, ...] | Rejected

_INFLATED_SHARE = 8  # inflated bytes allowed per byte of max_bytes: most of them may be rejected or filtered


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request: the first one that is reached sends it. Bytes are counted before compression."""

    max_bytes: int
    max_records: int
    max_age_s: float


class IndexBatcher:
    """Gathers records into one open request at a time."""

    def __init__(
        self,
        limits: Limits,
        judge: Callable[[Record], Judged],
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | None = None,
    ) -> None:
        """Begin without an open request. `judge` makes the documents of each record as it arrives.

        `clock` returns monotonic seconds. `meter` counts the bytes that the judge has inflated.
        """
        self._limits = limits
        self._judge = judge
        self._clock = clock
        self._meter = meter or Meter()
        self._batch: IndexBatch | None = None
        self._bytes = self._inflated_before = 0
        self._opened = 0.0

    @property
    def empty(self) -> bool:
        """Whether no request is open."""
        return self._batch is None

    @property
    def oldest_ms(self) -> int | None:
        """The earliest arrival time in the open request, or None if none is open."""
        return min(record.arrival_ms for record in self._batch.records) if self._batch else None

    def open(self, room: Room, now: float) -> None:  # noqa: ARG002 - documents have no fixed place
        """Begin a request at the next record."""
        self._batch = IndexBatch()
        self._bytes = 0
        self._inflated_before = self._meter.total_bytes
        self._opened = now

    def add(self, records: Sequence[Record]) -> int:
        """Add records up to the next limit, or until LOOK_S seconds have passed. Return how many were added."""
        batch = self._open_batch()
        judge, clock, documents = self._judge, self._clock, batch.documents
        size, most, taken = self._bytes, self._limits.max_bytes, 0
        until = clock() + LOOK_S
        for record in records[: self._limits.max_records - len(batch.records)]:
            judged = judge(record)
            taken += 1
            if isinstance(judged, tuple):
                for lines in judged:
                    documents.append(Entry(lines, record))
                    size += len(lines)
                batch.filtered += not judged
            else:
                batch.undecoded.append((record, judged))
                size += len(record.payload)
            if size >= most or clock() >= until:
                break
        batch.records += records[:taken]
        self._bytes = size
        return taken

    def due(self, now: float) -> str | None:
        """Return which limit requires the request to be sent now, or None."""
        if self._batch is None:
            return None
        inflated = self._meter.total_bytes - self._inflated_before
        if max(self._bytes, inflated // _INFLATED_SHARE) >= self._limits.max_bytes:
            return "bytes"
        if len(self._batch.records) >= self._limits.max_records:
            return "records"
        return "age" if now - self._opened >= self._limits.max_age_s else None

    def take(self, why: str) -> IndexBatch:  # noqa: ARG002 - the reason does not change a request
        """Return the open request and close it."""
        batch = self._open_batch()
        batch.pending = list(batch.documents)
        self._batch = None
        return batch

    def clear(self) -> None:
        """Discard the open request."""
        self._batch = None

    def _open_batch(self) -> IndexBatch:
        if self._batch is None:
            message = "no request is open"
            raise RuntimeError(message)
        return self._batch


def gathered(records: Sequence[Record], judge: Callable[[Record], Judged]) -> IndexBatch:
    """Make one batch of all these records, whatever its size."""
    batcher = IndexBatcher(Limits(sys.maxsize, len(records), 0), judge)
    batcher.open(Room(), 0)
    taken = 0
    while taken < len(records):
        taken += batcher.add(records[taken:])
    return batcher.take("all")
