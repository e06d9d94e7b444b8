"""What of a shard was delivered to this process, and from when on nothing is missing. Pure: times are arguments.

An empty read that caught up says that nothing was waiting when it was *fetched*; the message does not say when that
was. KCL fetches ahead, so a process that was blocked is handed reads from before. But it fetches no more than a few
ahead of what was answered: such a read was fetched after a delivery that lies `prefetch` deliveries back had come in.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from consumers.pipeline import Start
from consumers.records import Position, Record

START_MARGIN_MS = 600_000
"""How much before the end of its retention a record counts as perhaps expired when a lease begins."""
EDGE_MARGIN_MS = 60_000
"""The same while reading goes on: the two clocks differ, and no lease moved."""

TRIM_HORIZON, RETENTION = "TRIM_HORIZON", "RETENTION"
CHECKPOINT = "CHECKPOINT"
"""Reading began at a checkpoint that lies beyond all that stands: what is before it was skipped."""
REPLACED = "REPLACED"
"""Records that the stream should still have were not there when reading began anew: it is another one by now."""
MISSING = "MISSING"
"""An object that was written is gone, or the one that another says it follows stands nowhere."""
SET_ASIDE = "SET_ASIDE"
"""A record came that could not be read. It is kept as it came, and is in no object."""
FENCED = "FENCED"
"""A first start was repeated and began further on; what it saw first was closed, and stored by nobody."""
SETTLED_BY_NOBODY = frozenset({MISSING, SET_ASIDE, FENCED})
"""What no other process has read better: an object that is gone is gone for all."""
PASSED_OVER = frozenset({CHECKPOINT, REPLACED})
"""What ends at the first record that is read: one before it may have arrived later, within the grace."""
MOVED = frozenset({"LATEST", "AT_TIMESTAMP"})
"""Where an operator let reading begin, whatever the stream still holds from before."""


class Gap(msgspec.Struct, frozen=True, rename="camel"):
    """A range of arrival times in which records may be missing, from and to in UTC milliseconds, and why.

    A `from_ms` of 0 means everything before. Reasons: LATEST, AT_TIMESTAMP and TRIM_HORIZON for where reading began,
    RETENTION where records may have expired unread, CHECKPOINT, REPLACED, MISSING, SET_ASIDE and FENCED as above.
    """

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Horizon:
    """How the stream is read.

    `prefetch` is the number of deliveries that may be on their way, `retention_ms` how long the stream keeps a record,
    `timestamp_ms` where a start at AT_TIMESTAMP begins.
    """

    prefetch: int
    retention_ms: int
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a lease may begin further on than what stands.

    Unless its first record lies no further than `beyond`, and arrived no later than `arrived_ms`, as all before it did.
    """

    reason: str
    beyond: Position | None = None
    arrived_ms: int = 0

    def dispelled(self, first: Record) -> bool:
        """Whether this first record shows that nothing was passed over."""
        if self.beyond is None:
            return False
        return first.position <= self.beyond and first.arrival_ms <= self.arrived_ms + EDGE_MARGIN_MS


class Reading:
    """Follows the deliveries of one lease."""

    def __init__(self, start: Start, known_ms: int | None, horizon: Horizon, doubt: Doubt | None = None) -> None:
        """Begin a lease. `known_ms` is the shard's watermark: before it, everything is durable."""
        self._start = start
        self._doubt = doubt
        self._horizon = horizon
        self._receipts: deque[int] = deque(maxlen=horizon.prefetch)
        self._joined_ms: int | None = None
        self.delivered_ms = known_ms
        self.gaps: list[Gap] = []

    def received(self, records: Sequence[Record], now_ms: int, *, caught_up: bool) -> Gap | None:
        """Take note of a delivery, and say what may be missing before it.

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
        """Take note of the shard's end, and say what may be missing before it: a lease may end without a delivery."""
        gap = self.received((), now_ms, caught_up=False)
        if self._doubt is None:
            return gap
        return self._pass_over(self._doubt, self.delivered_ms or 0, now_ms)

    def _skipped(self, records: Sequence[Record], now_ms: int, known_ms: int | None) -> Gap | None:
        """Say what lies between all that stands and the place where reading began, once it is known where that is."""
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
            if reason in MOVED:  # what lies before is not ours, and the hour that it begins in must say so
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
