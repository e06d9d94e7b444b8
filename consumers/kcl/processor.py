"""Passes the daemon's messages to a shard's pipeline."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from consumers.envelope import Unreadable
from consumers.kcl.checkpointer import Commits, Outcome, RawCheckpointer
from consumers.kcl.stopping import OutOfTime
from consumers.metrics import METER
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.waiting import Log

_STAY_S = 60.0

NewPipeline = Callable[[str, Start], Pipeline[Any]]


class _LeaseLost(Exception):
    """Another worker holds the lease: nothing more may be written."""


class ShardProcessor:
    """One shard, from `initialize` to its end. An exception that it raises is not answered with a `status`."""

    def __init__(
        self,
        new_pipeline: NewPipeline,
        commits: Commits,
        clock: Callable[[], float],
        drain_s: float,
        log: Log,
    ) -> None:
        """Start without a shard.

        `drain_s` bounds the last flush at a hand-over, in seconds. The stop of `commits` bounds everything else.
        """
        self._new_pipeline = new_pipeline
        self._commits = commits
        self._clock = clock
        self._drain_s = drain_s
        self._log = log
        self._stop = commits.stop
        self._pipeline: Pipeline[Any] | None = None
        self._committed: Position | None = None

    def initialize(self, shard: str, sequence_number: str, sub_sequence_number: int) -> None:
        """Take the shard over, unless the daemon leaves.

        KCL then hands out again what was drained a moment ago.
        """
        if self._stop.deadline() is not None:
            self._log.info("shard_not_taken", shard=shard, reason="the daemon leaves")
            return
        if sequence_number.isdigit():
            start = Start(Position(int(sequence_number), sub_sequence_number), None)
        else:
            start = Start(None, sequence_number or "TRIM_HORIZON")
        try:
            with self._stop.cutting():
                self._pipeline = self._new_pipeline(shard, start)
        except OutOfTime:
            self._cut_short()
            return
        self._committed = start.checkpoint
        self._log.info("shard_taken", start=start.initial or str(start.checkpoint))

    def process_records(
        self, records: list[Record], behind_ms: int | None, to: RawCheckpointer, unreadable: Sequence[Unreadable] = ()
    ) -> None:
        """Write what is due, commit how far it is durable, then advance the watermark."""
        if self._pipeline is None:
            return
        METER.delivered(len(records) + len(unreadable), behind_ms, self._clock())
        try:
            with self._stop.cutting():
                self._pipeline.set_aside(unreadable, len(records))
                self._pipeline.offer(
                    records, self._clock(), lambda position: self._commit(to, position), caught_up=behind_ms == 0
                )
                self._commit(to, self._pipeline.durable)
                self._pipeline.settle()
                METER.settled(self._pipeline.oldest_ms)
        except _LeaseLost:
            pass
        except OutOfTime:
            self._cut_short()

    def lease_lost(self) -> None:
        """Give the shard up, and write nothing more."""
        self._abandon("lease_lost")

    def shard_ended(self, to: RawCheckpointer) -> None:
        """Write the rest, however long it takes, and commit the end. Only a stop interrupts it."""
        if self._pipeline is None:  # given up before: what is not written must not be committed
            if self._stop.deadline() is not None:
                self._stay()
            return
        try:
            with self._stop.cutting():
                self._pipeline.end(self._clock())
            outcome = self._commits.commit_end(to)
        except OutOfTime:
            outcome = Outcome.LATER
        if outcome is Outcome.LEASE_LOST:
            self._abandon("lease_lost")
        elif outcome is Outcome.LATER:
            self._cut_short()
            self._stay()
        else:
            METER.given_up()
            self._log.info("shard_ended")

    def shutdown_requested(self, to: RawCheckpointer) -> None:
        """Write the rest within the time allowed. What is not written is delivered again."""
        if self._pipeline is None:
            return
        METER.given_up()
        if not self._drained(self._pipeline):
            self._cut_short()
            return
        with suppress(_LeaseLost):
            self._commit(to, self._pipeline.durable)
        self._pipeline = None  # KCL gives the lease back next
        self._log.info("drained", position=str(self._committed) if self._committed else None)

    def _drained(self, pipeline: Pipeline[Any]) -> bool:
        now = self._clock()
        deadlines = (now + self._drain_s, self._stop.deadline())
        until = min(one for one in deadlines if one is not None)
        try:
            with self._stop.cutting(until):
                return pipeline.drain(now, until)
        except OutOfTime:
            return False

    def _cut_short(self) -> None:
        """Give the shard up for good, so that nothing is ever checkpointed beyond unwritten records."""
        METER.given_up()
        self._pipeline = None
        self._log.warning(
            "drain_cut_short",
            reason="not all was durable when the time that a stop or a hand-over leaves was over",
            remedy="none: the records are delivered again",
        )

    def _stay(self) -> None:
        """Wait for the daemon to go: KCL treats a shard's end without a commit as an error, and repeats it."""
        while True:
            self._commits.pause(_STAY_S)

    def _commit(self, to: RawCheckpointer, position: Position | None) -> None:
        if position is None or (self._committed is not None and position <= self._committed):
            return
        with self._stop.whole():
            outcome = self._commits.commit(to, position)
            if outcome is Outcome.DONE:
                self._committed = position
        if outcome is Outcome.LEASE_LOST:
            self._abandon("lease_lost_at_checkpoint")
            raise _LeaseLost

    def _abandon(self, why: str) -> None:
        if self._pipeline is not None:
            METER.given_up()
            self._pipeline.abandon()
            self._pipeline = None
            self._log.info("shard_given_up", reason=why)
