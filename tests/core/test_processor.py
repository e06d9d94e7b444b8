"""The messages of one shard: what is forgotten is never gone on after, and a lost lease ends all writing."""

from typing import Any

from amazon_kclpy.checkpoint_error import CheckpointError

from consumers.kcl.checkpointer import Commits
from consumers.kcl.processor import ShardProcessor
from consumers.waiting import Unavailable
from tests.core.test_pipeline import World, record


class Table:
    """A lease table that writes down what it is asked, and may have given the lease away."""

    def __init__(self, error: str | None = None) -> None:
        self.asked: list[str] = []
        self.error = error

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        self.asked.append(sequence_number or "end")
        if self.error:
            raise CheckpointError(self.error)


def processor(world: World) -> ShardProcessor:
    """Join a processor whose batches hold two records."""

    def pause(seconds: float) -> None:
        world.now += seconds

    def clock() -> float:
        return world.now

    it = ShardProcessor(lambda _shard, _start: world.pipeline(), Commits(clock, pause, world), clock, 5.0, world)
    it.initialize("shardId-000000000000", "TRIM_HORIZON", 0)
    return it


def test_each_batch_is_committed_before_the_next_is_written() -> None:
    """A writer whose lease is gone learns it before it writes again."""
    world, table = World(), Table("ShutdownException")
    processor(world).process_records([record(n) for n in range(1, 8)], 0, table)
    assert (world.actions, table.asked) == (["write 1-2"], ["2"])


def test_nothing_follows_a_drain_that_was_cut_short() -> None:
    """What it held is delivered again: neither a later record nor the end of the shard may be committed past it."""
    world, table = World(), Table()
    it = processor(world)
    it.process_records([record(1)], 0, table)

    def refuse(*_: Any) -> Any:
        reason = "down"
        raise Unavailable(reason)

    world.write = refuse  # type: ignore[assignment]
    it.shutdown_requested(table)
    it.process_records([record(2), record(3)], 0, table)
    it.shard_ended(table)
    assert table.asked == []
