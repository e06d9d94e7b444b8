"""The messages of one shard: what is forgotten is never gone on after, and a lost lease ends all writing."""

from collections.abc import Sequence
from typing import Any

import pytest
from amazon_kclpy.checkpoint_error import CheckpointError

from consumers.envelope import Unreadable
from consumers.kcl.checkpointer import Commits
from consumers.kcl.processor import ShardProcessor
from consumers.parts import NoPlace
from consumers.pipeline import Pipeline
from consumers.records import Position
from consumers.waiting import Patience, Unavailable
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


class Keeper:
    """Keeps what is no record, once it has been asked twice, and writes it down among the actions."""

    def __init__(self, actions: list[str]) -> None:
        self.actions = actions
        self.tries = 0

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:
        self.tries += bool(unreadable)
        if self.tries == 1:
            reason = "down"
            raise Unavailable(reason)
        if unreadable:
            self.actions.append(f"keep {len(unreadable)} beside {records}, after {delivered}")


BAD = [Unreadable(b"null", "it is null")]


def test_what_is_no_record_is_kept_before_anything_behind_it_is_committed() -> None:
    """The shard waits while it cannot be, and the rest of its delivery then goes its way."""
    world, table = World(), Table()
    plain = processor(world)
    patience = Patience(lambda _: None, lambda: world.now, world)
    plain._pipeline = Pipeline(world, world, patience, aside=Keeper(world.actions))
    plain.process_records([record(1)], 0, table)
    plain.process_records([record(2), record(3)], 0, table, BAD)
    assert (world.actions, table.asked) == (["keep 1 beside 2, after 1:0", "write 1-2"], ["2"])


def test_a_consumer_with_no_place_for_it_commits_nothing() -> None:
    """It ends, rather than to go on without it."""
    world, table = World(), Table()
    with pytest.raises(NoPlace, match="it is null"):
        processor(world).process_records([record(1), record(2)], 0, table, BAD)
    assert (world.actions, table.asked) == ([], [])
