"""The stream and its lease table, as a simulated fleet sees them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from amazon_kclpy.checkpoint_error import CheckpointError
from greenlet import getcurrent

from consumers.records import Position, Record

SHARD_END = "SHARD_END"


@dataclass
class Shard:
    """A shard's records and its row of the lease table."""

    name: str
    parents: tuple["Shard", ...] = ()
    records: list[Record] = field(default_factory=list)
    trimmed: int = 0
    closed: bool = False
    checkpoint: Position | str = "TRIM_HORIZON"
    epoch: int = 0

    def after(self, position: Position | None) -> list[Record]:
        """Give what can still be read after a position."""
        return [r for r in self.records[self.trimmed :] if position is None or r.position > position]

    @property
    def ready(self) -> bool:
        """Children wait for the end of their parents."""
        return all(parent.checkpoint == SHARD_END for parent in self.parents)

    @property
    def done(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.checkpoint == SHARD_END


class LeaseRow:
    """What a child sees of the lease table: kclpy's checkpointer, with KCL's own checks."""

    def __init__(self, shard: Shard, epoch: int, rng: random.Random, ends: Callable[[], set[Position]]) -> None:
        self.shard, self.epoch, self.rng, self.ends = shard, epoch, rng, ends
        self.faults: list[str] = []
        self.delivered: Position | None = None
        self.ended = False

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        getcurrent().parent.switch()
        if self.epoch != self.shard.epoch:
            raise CheckpointError("ShutdownException")
        if self.rng.random() < 0.05:
            raise CheckpointError("ThrottlingException")
        if sequence_number is None:
            assert self.ended, "a bare checkpoint before the end of the shard"
            self.shard.checkpoint = SHARD_END
            return
        position = Position(int(sequence_number), int(sub_sequence_number or 0))
        if self.delivered is None or position > self.delivered:
            raise CheckpointError("IllegalArgumentException")
        if position not in self.ends():
            self.faults.append(f"checkpoint {position} is not the end of an object")
        self.shard.checkpoint = position
