"""Which shard an hour waits for, also where the list of shards is stale."""

import pytest

from consumers.hours.lineage import StreamShard, blocker
from consumers.hours.mark import Mark

PARENT = StreamShard("parent", (), 0, 99)
LOW, HIGH = StreamShard("low", ("parent",), 0, 49), StreamShard("high", ("parent",), 50, 99)
MERGED = StreamShard("merged", ("high", "low"), 0, 99)
END, GRACE = 1000, 60


def passed(shard: str) -> Mark:
    """Mark a shard that has passed."""
    return Mark(shard, 0, END + GRACE, END, "w")


def behind(shard: str) -> Mark:
    """Mark a shard that has not."""
    return Mark(shard, 0, END + GRACE - 1, END, "w")


def unsealed(shard: str) -> Mark:
    """Mark a shard whose worker waits longer than ours before it seals."""
    return Mark(shard, 0, END + GRACE, END - 1, "w")


def ended(shard: str) -> Mark:
    """Mark a shard that has ended, before the time."""
    return Mark(shard, 0, END - 500, 0, "w", ended=True)


@pytest.mark.parametrize(
    ("listed", "marks", "blocks"),
    [
        pytest.param([PARENT], [passed("parent")], None, id="passed"),
        pytest.param([PARENT], [behind("parent")], "parent", id="behind"),
        pytest.param([PARENT], [unsealed("parent")], "parent", id="its hour is not sealed"),
        pytest.param([PARENT], [], "parent", id="has not begun"),
        pytest.param([PARENT], [ended("parent")], "parent", id="children are not listed yet"),
        pytest.param([PARENT, LOW], [ended("parent"), passed("low")], "parent", id="one child is not listed yet"),
        pytest.param([PARENT, LOW, HIGH], [ended("parent"), passed("low")], "high", id="a child has not begun"),
        pytest.param([PARENT, LOW, HIGH], [ended("parent"), passed("low"), behind("high")], "high", id="child behind"),
        pytest.param([PARENT, LOW, HIGH], [ended("parent"), passed("low"), passed("high")], None, id="split passed"),
        pytest.param([PARENT, LOW, HIGH], [behind("parent")], "parent", id="a closed parent is behind"),
        pytest.param([LOW, HIGH, MERGED], [ended("low"), ended("high"), passed("merged")], None, id="merge passed"),
        pytest.param([LOW, HIGH, MERGED], [ended("low"), behind("high")], "high", id="the other parent is behind"),
        pytest.param(
            [PARENT, LOW, HIGH, MERGED], [passed("merged")], None, id="began at LATEST, after all its ancestors"
        ),
        pytest.param([PARENT, LOW, HIGH, MERGED], [], "parent", id="nothing has begun"),
        pytest.param([PARENT, LOW, HIGH], [passed("low")], "high", id="began at LATEST, a sibling has not"),
    ],
)
def test_blocker(listed: list[StreamShard], marks: list[Mark], blocks: str | None) -> None:
    """Every shard that existed has passed, or has ended and all its children have."""
    found = blocker(listed, {mark.shard: mark for mark in marks}, END, GRACE)
    assert (found.shard if found else None) == blocks
