"""Commits a position to the lease table, and interprets each refusal."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from amazon_kclpy.checkpoint_error import CheckpointError

from consumers.kcl.stopping import NoStop, Stop
from consumers.records import Position
from consumers.waiting import Log

TRANSIENT = frozenset({"ThrottlingException", "KinesisClientLibDependencyException"})
LEASE_LOST = "ShutdownException"


class RawCheckpointer(Protocol):
    """The checkpointer of kclpy."""

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        """Ask the daemon to checkpoint. Raises CheckpointError with the name of a Java exception."""


class Outcome(Enum):
    """How a commit ended."""

    DONE = "done"
    LATER = "later"
    LEASE_LOST = "lease_lost"


class CheckpointRefused(Exception):
    """The daemon refused in a way that only a bug explains, or a shard's end could not be committed."""


@dataclass(slots=True)
class Commits:
    """Commits positions, with full jitter between tries.

    A commit is tried for at most `budget_s` seconds, and no longer than a stop allows.
    """

    clock: Callable[[], float]
    pause: Callable[[float], None]
    log: Log
    budget_s: float = 10.0
    jitter: random.Random = field(default_factory=random.Random)
    stop: Stop = field(default_factory=NoStop)

    def commit(self, raw: RawCheckpointer, position: Position) -> Outcome:
        """Commit a position.

        `LATER` means that the lease table did not answer in time: the next commit covers this one.

        Raises:
            CheckpointRefused: the daemon is out of step, or there is a bug.

        """
        return self._try(lambda: raw.checkpoint(str(position.sequence), position.sub), str(position))

    def commit_end(self, raw: RawCheckpointer) -> Outcome:
        """Commit the end of the shard. It must succeed, since the shard's children start only then.

        `LATER` is returned only during a stop.

        Raises:
            CheckpointRefused: it could not be committed within the budget.

        """
        outcome = self._try(raw.checkpoint, "SHARD_END")
        if outcome is Outcome.LATER and self.stop.deadline() is None:
            message = "the end of the shard could not be committed; the daemon must deliver it again"
            raise CheckpointRefused(message)
        return outcome

    def _try(self, call: Callable[[], None], what: str) -> Outcome:
        until = self.clock() + self.budget_s
        pause_s = 0.1
        while True:
            try:
                call()
            except CheckpointError as refusal:
                error = str(refusal.value)
            else:
                return Outcome.DONE
            if error == LEASE_LOST:
                return Outcome.LEASE_LOST
            if error not in TRANSIENT:
                message = f"checkpoint {what} was refused: {error}"
                raise CheckpointRefused(message)
            pause_s = min(pause_s * 2, 2.0)
            wait_s = self.jitter.uniform(0, pause_s)
            stop = self.stop.deadline()
            if self.clock() + wait_s >= (until if stop is None else min(until, stop)):
                self.log.warning("checkpoint_later", position=what, reason=error, remedy="none: the next one covers it")
                return Outcome.LATER
            self.pause(wait_s)
