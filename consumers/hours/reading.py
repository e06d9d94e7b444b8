"""Tracks the deliveries of a shard, and up to which time nothing is missing. Pure: times come as arguments.

An empty read that has caught up means that nothing was waiting when it was *fetched*, and the message does not give
that time. KCL fetches ahead, so a process that was blocked receives older reads. But it fetches only a few ahead of
those that were answered: the read was fetched after the delivery `prefetch` deliveries earlier had come in.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from consumers.parts import Start
from consumers.records import Position, Record

START_MARGIN_MS = 600_000
"""When a lease begins, a record counts as possibly expired this long before its retention ends."""
EDGE_MARGIN_MS = 60_000
"""The same while reading goes on. It covers the difference of the two clocks; no lease has moved."""

TRIM_HORIZON, RETENTION = "TRIM_HORIZON", "RETENTION"
CHECKPOINT = "CHECKPOINT"
"""Reading began at a checkpoint beyond all that stands. The records before it were skipped."""
REPLACED = "REPLACED"
"""Records that the stream should still hold were not there when reading began anew: it is another stream now."""
MISSING = "MISSING"
"""An object that was written is gone, or no object ends where another one says that it begins."""
SET_ASIDE = "SET_ASIDE"
"""A record came that could not be read. It is kept as it came, and is in no object."""
FENCED = "FENCED"
"""A first start was repeated and began further on. The records that the first one saw are fenced, and not stored."""
SETTLED_BY_NOBODY = frozenset({MISSING, SET_ASIDE, FENCED})
"""The reasons that no other process can settle: an object that is gone is gone for all."""
PASSED_OVER = frozenset({CHECKPOINT, REPLACED})
"""The reasons of gaps that end at the first record read.

A record before that one may have arrived later than it, within the grace.
"""
MOVED = frozenset({"LATEST", "AT_TIMESTAMP"})
"""The initial positions at which an operator let reading begin, whatever the stream still holds from before."""


class Gap(msgspec.Struct, frozen=True, rename="camel"):
    """A range of arrival times, in UTC milliseconds, in which records may be missing, and the reason.

    A `from_ms` of 0 means from the beginning. Reasons: LATEST, AT_TIMESTAMP and TRIM_HORIZON where reading began there;
    RETENTION where records may have expired unread; CHECKPOINT, REPLACED, MISSING, SET_ASIDE and FENCED as above.
    """

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Horizon:
    """How the stream is read.

    `prefetch` is the number of deliveries that may be on their way. `retention_ms` is how long the stream keeps a
    record. `timestamp_ms` is where a start at AT_TIMESTAMP begins, in UTC milliseconds.
    """

    prefetch: int
    retention_ms: int
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """The reason why a lease may begin beyond what stands.

    It does not if its first record lies no further than `beyond` and arrived no later than `arrived_ms`, by which all
    records up to `beyond` had arrived.
    """

    reason: str
    beyond: Position | None = None
    arrived_ms: int = 0

    def dispelled(self, first: Record) -> bool:
        """Return whether this first record shows that nothing was passed over."""
        if self.beyond is None:
            return False
        return first.position <= self.beyond and first.arrival_ms <= self.arrived_ms + EDGE_MARGIN_MS


class Reading:
    """Tracks the deliveries of one lease."""

    def __init__(self, start: Start, known_ms: int | None, horizon: Horizon, doubt: Doubt | None = None) -> None:
        """Start a lease. `known_ms` is the shard's watermark, before which everything is durable."""
        self._start = start
        self._doubt = doubt
        self._horizon = horizon
        self._receipts: deque[int] = deque(maxlen=horizon.prefetch)
        self._joined_ms: int | None = None
        self.delivered_ms = known_ms
        self.gaps: list[Gap] = []

    def received(self, records: Sequence[Record], now_ms: int, *, caught_up: bool) -> Gap | None:
        """Note a delivery, and return the gap before it, or None.

        `now_ms` is by the store's clock, and no later than the answer to this delivery.
        """
        gap = self._gap(records, now_ms)
        known = self.delivered_ms
        if records:
            self._advance(min(records[-1].arrival_ms, now_ms))
        elif caught_up and len(self._receipts) == self._horizon.prefetch:
            self._advance(self._receipts[0])
        self._receipts.append(now_ms)
        return self._skipped(records, now_ms, known) or gap

    def ended(self, now_ms: int) -> Gap | None:
        """Note the shard's end, and return the gap before it, or None. A lease may end without a delivery."""
        gap = self.received((), now_ms, caught_up=False)
        if self._doubt is None:
            return gap
        return self._pass_over(self._doubt, self.delivered_ms or 0, now_ms)

    def _skipped(self, records: Sequence[Record], now_ms: int, known_ms: int | None) -> Gap | None:
        """Return the gap between what stands and the place where reading began, once that place is known."""
        doubt, reached_ms = self._doubt, self.delivered_ms
        if doubt is None or reached_ms is None or (not records and reached_ms == known_ms):
            return None
        if records and doubt.dispelled(records[0]):
            self._doubt = None
            return None
        return self._pass_over(doubt, known_ms or 0, min(records[0].arrival_ms, now_ms) if records else reached_ms)

    def _pass_over(self, doubt: Doubt, since_ms: int, to_ms: int) -> Gap:
        gap = Gap(since_ms, max(to_ms, since_ms + 1), doubt.reason)
        self._doubt = None
        self._keep(gap)
        return gap

    def _advance(self, to_ms: int) -> None:
        self.delivered_ms = max(self.delivered_ms or 0, to_ms)

    def _gap(self, records: Sequence[Record], now_ms: int) -> Gap | None:
        known = self.delivered_ms
        if self._joined_ms is None:
            since, reason = self._begin(now_ms)
            if reason in MOVED:  # records before it are not read, and the hour in which it lies must say so
                self._advance(since)
        else:
            since, reason = now_ms - self._horizon.retention_ms + EDGE_MARGIN_MS, RETENTION
            known = max(known or 0, self._joined_ms)
        if known is not None and records and reason not in MOVED:
            since = min(since, records[0].arrival_ms)
        self._joined_ms = max(self._joined_ms or 0, since)
        if known is not None and known >= since:
            return None
        gap = Gap(known or 0, since, reason)
        self._keep(gap)
        return gap

    def _begin(self, now_ms: int) -> tuple[int, str]:
        oldest = now_ms - self._horizon.retention_ms + START_MARGIN_MS
        if self._start.initial == "LATEST":
            return now_ms, "LATEST"
        if self._start.initial == "AT_TIMESTAMP" and self._horizon.timestamp_ms > oldest:
            return min(self._horizon.timestamp_ms, now_ms), "AT_TIMESTAMP"
        return oldest, self._start.initial if self.delivered_ms is None and self._start.initial else RETENTION

    def _keep(self, gap: Gap) -> None:
        last = self.gaps[-1] if self.gaps else None
        if last and last.reason == gap.reason and gap.from_ms - last.to_ms <= EDGE_MARGIN_MS:
            self.gaps[-1] = Gap(last.from_ms, max(last.to_ms, gap.to_ms), gap.reason)
        else:
            self.gaps.append(gap)
