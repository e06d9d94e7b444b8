"""A checkpoint that the lease table does not take at once."""

import pytest
from amazon_kclpy.checkpoint_error import CheckpointError

from consumers.kcl.checkpointer import CheckpointRefused, Commits, Outcome
from consumers.records import Position
from tests.model.fleet import Silent


class Table:
    """A lease table that refuses until a time, and a clock that only pauses move."""

    def __init__(self, refuses_until_s: float, error: str = "ThrottlingException") -> None:
        self.now = 0.0
        self.tries = 0
        self._until = refuses_until_s
        self._error = error

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        self.tries += 1
        if self.now < self._until:
            raise CheckpointError(self._error)

    def commits(self) -> Commits:
        return Commits(lambda: self.now, self._pause, Silent())

    def _pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("error", ["ThrottlingException", "KinesisClientLibDependencyException"])
def test_later_within_the_budget(error: str) -> None:
    """It is tried again and again, but for no longer than ten seconds; the next commit covers it."""
    table = Table(1e9, error)
    assert table.commits().commit(table, Position(7, 0)) is Outcome.LATER
    assert 8 < table.now < 10
    assert table.tries > 5


def test_done_once_it_answers() -> None:
    """What is over within the budget is no matter."""
    table = Table(5.0)
    assert table.commits().commit(table, Position(7, 0)) is Outcome.DONE
    assert 5 <= table.now < 10


def test_the_end_of_a_shard_is_never_put_off() -> None:
    """Its children begin only after it: so the process ends, and the daemon delivers again."""
    table = Table(1e9)
    with pytest.raises(CheckpointRefused, match="end of the shard"):
        table.commits().commit_end(table)
