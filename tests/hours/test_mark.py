"""A mark is never set back, and what one process has settled is no gap of another."""

import msgspec
import pytest

from consumers.hours.mark import Mark, joined, load, mark_key, merge
from consumers.hours.reading import Gap
from consumers.waiting import Parked
from tests.memory_store import MemoryStore

KEY = mark_key("app", "events", "shardId-000000000000")
BASE = Mark("shardId-000000000000", 0, 100, 50, "one")


def but(**changes: object) -> Mark:
    """Change the mark."""
    return msgspec.structs.replace(BASE, **changes)


@pytest.mark.parametrize(
    ("theirs", "mine", "merged"),
    [
        (but(watermark_ms=300), but(watermark_ms=200), (300, 50, False)),
        (but(watermark_ms=100), but(watermark_ms=200, sealed_to_ms=150), (200, 150, False)),
        (but(ended=True), but(watermark_ms=200), (200, 50, True)),
    ],
)
def test_merge_keeps_the_furthest(theirs: Mark, mine: Mark, merged: tuple[int, int, bool]) -> None:
    """Each statement is about the stream and the bucket, whoever made it."""
    it = merge(theirs, mine)
    assert (it.watermark_ms, it.sealed_to_ms, it.ended) == merged


def test_a_gap_that_the_other_has_settled_is_none() -> None:
    """A process that froze may have missed what its successor has read."""
    mine = but(gaps=(Gap(120, 180, "RETENTION"), Gap(250, 400, "RETENTION")))
    assert merge(but(watermark_ms=300), mine).gaps == (Gap(300, 400, "RETENTION"),)


def test_gaps_that_touch_are_joined_by_reason() -> None:
    """So that their number is bounded by the hours, not by the restarts."""
    gaps = [Gap(1, 10, "LATEST"), Gap(10, 20, "LATEST"), Gap(15, 30, "RETENTION")]
    assert joined(gaps) == (Gap(1, 20, "LATEST"), Gap(15, 30, "RETENTION"))


def test_a_damaged_mark_parks() -> None:
    """It is not guessed."""
    store = MemoryStore()
    store.swap(KEY, b"{", None)
    with pytest.raises(Parked, match="damaged"):
        load(store, KEY)
