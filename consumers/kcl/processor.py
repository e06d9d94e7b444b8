"""Joins the daemon's messages to a shard's pipeline."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from consumers.kcl.checkpointer import Commits, Outcome, RawCheckpointer
from consumers.metrics import METER
from consumers.pipeline import Pipeline, Start
from consumers.records import Position, Record
from consumers.waiting import Log

NewPipeline = Callable[[str, Start], Pipeline[Any]]


class _LeaseLost(Exception):
    """The shard is somebody else's: nothing more may be written."""


class ShardProcessor:
    """One shard, from `initialize` to its end. Nothing that it raises is answered with a `status`."""

    def __init__(
        self,
        new_pipeline: NewPipeline,
        commits: Commits,
        clock: Callable[[], float],
        drain_s: float,
        log: Log,
    ) -> None:
        """Wait for a shard. `drain_s` bounds the last flush when the daemon stops."""
        self._new_pipeline = new_pipeline
        self._commits = commits
        self._clock = clock
        self._drain_s = drain_s
        self._log = log
        self._pipeline: Pipeline[Any] | None = None
        self._committed: Position | None = None

    def initialize(self, shard: str, sequence_number: str, sub_sequence_number: int) -> None:
        """Take the shard over."""
        if sequence_number.isdigit():
            start = Start(Position(int(sequence_number), sub_sequence_number), None)
        else:
            start = Start(None, sequence_number or "TRIM_HORIZON")
        self._pipeline = self._new_pipeline(shard, start)
        self._committed = start.checkpoint
        self._log.info("shard_taken", start=start.initial or str(start.checkpoint))

    def process_records(self, records: list[Record], behind_ms: int | None, to: RawCheckpointer) -> None:
        """Write what is due, then commit how far it is durable, then let the watermark follow."""
        if self._pipeline is None:
            return
        METER.delivered(len(records), behind_ms, self._clock())
        with suppress(_LeaseLost):
            self._pipeline.offer(
                records, self._clock(), lambda position: self._commit(to, position), caught_up=behind_ms == 0
            )
            self._commit(to, self._pipeline.durable)
            self._pipeline.settle()
            METER.settled(self._pipeline.oldest_ms)

    def lease_lost(self) -> None:
        """Write nothing more."""
        self._abandon("lease_lost")

    def shard_ended(self, to: RawCheckpointer) -> None:
        """Write the rest, however long it takes, and commit the end."""
        if self._pipeline is None:
            return  # given up before: what is not written must not be marked as done
        self._pipeline.end(self._clock())
        if self._commits.commit_end(to) is Outcome.LEASE_LOST:
            self._abandon("lease_lost")
        else:
            METER.given_up()
            self._log.info("shard_ended")

    def shutdown_requested(self, to: RawCheckpointer) -> None:
        """Write the rest within the time allowed; what was not written is delivered again."""
        if self._pipeline is None:
            return
        METER.given_up()
        now = self._clock()
        if self._pipeline.drain(now, now + self._drain_s):
            with suppress(_LeaseLost):
                self._commit(to, self._pipeline.durable)
            self._pipeline = None  # the lease is given back next
            self._log.info("drained", position=str(self._committed) if self._committed else None)
            return
        self._pipeline = None  # what it held is forgotten: it must not go on after it
        self._log.warning(
            "drain_cut_short",
            reason=f"the destination did not accept within {self._drain_s:g} s",
            remedy="none: the records are delivered again",
        )

    def _commit(self, to: RawCheckpointer, position: Position | None) -> None:
        if position is None or (self._committed is not None and position <= self._committed):
            return
        outcome = self._commits.commit(to, position)
        if outcome is Outcome.DONE:
            self._committed = position
        elif outcome is Outcome.LEASE_LOST:
            self._abandon("lease_lost_at_checkpoint")
            raise _LeaseLost

    def _abandon(self, why: str) -> None:
        if self._pipeline is not None:
            METER.given_up()
            self._pipeline.abandon()
            self._pipeline = None
            self._log.info("shard_given_up", reason=why)
