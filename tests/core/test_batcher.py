"""An object is cut by count, compressed size, age, the advancing hour, and before what stands."""

import random

import pytest

from consumers.chain.batcher import ChainBatcher, Limits
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.parts import Room
from consumers.records import HOUR_MS, Position, Record

NOON = 1_700_000_000_000 // HOUR_MS * HOUR_MS
LIMITS = Limits(max_bytes=1 << 20, max_records=100, max_age_s=60)


def run(count: int, *, begin: int = 0, arrival_ms: int = NOON, step_ms: int = 1) -> list[Record]:
    """Make records."""
    return [Record(b"x", "k", str(1000 + begin + i), arrival_ms + i * step_ms, 0) for i in range(count)]


def opened(limits: Limits = LIMITS, room: Room | None = None) -> ChainBatcher:
    """Open a batch."""
    batcher = ChainBatcher(limits, lambda: ObjectWriter(CODECS["gzip"], 1))
    batcher.open(room or Room(), 0.0)
    return batcher


def test_count() -> None:
    """Neither more nor fewer records than the limit."""
    batcher = opened()
    assert batcher.add(run(70)) == 70
    assert batcher.due(0) is None
    assert batcher.add(run(70, begin=70)) == 30
    assert batcher.due(0) == "records"
    batch = batcher.take("records")
    assert (batch.count, batch.first, batch.last) == (100, Position(1000, 0), Position(1099, 0))
    assert batcher.empty


def test_age_counts_from_the_first_record() -> None:
    """A quiet shard's object is due when it is old enough, and an empty one never."""
    batcher = opened()
    assert batcher.due(1e9) is None
    batcher.add(run(1))
    assert batcher.due(59.9) is None
    assert batcher.due(60) == "age"


def test_compressed_size() -> None:
    """What counts is what is stored."""
    batcher = opened(Limits(max_bytes=300_000, max_records=10**6, max_age_s=60))
    rng = random.Random(1)
    for i in range(1000):
        batcher.add([Record(rng.randbytes(1000), "k", str(i + 1), NOON, 0)])
        if batcher.due(0):
            break
    assert batcher.due(0) == "bytes"
    assert 300_000 <= len(batcher.take("bytes").content.body) < 600_000  # ISA-L holds 128 KiB back


@pytest.mark.parametrize("split", [1, 7, 50])
def test_advancing_hour(split: int) -> None:
    """The first record of a later hour begins the next object."""
    batcher = opened()
    records = run(60, arrival_ms=NOON + HOUR_MS - split)
    assert batcher.add(records) == split
    assert batcher.due(0) == "hour"
    batch = batcher.take("hour")
    assert batch.max_arrival_ms < NOON + HOUR_MS
    assert batch.last == records[split - 1].position


def test_record_a_little_older_stays_in_its_hour() -> None:
    """A record that is a little late makes no pair of tiny objects."""
    batcher = opened()
    batcher.add(run(5, arrival_ms=NOON + 20))
    late = run(5, begin=5, arrival_ms=NOON + 10)
    assert batcher.add(late) == 5
    assert batcher.due(0) is None
    assert batcher.oldest_ms == NOON + 10
    batch = batcher.take("age")
    assert (batch.first_arrival_ms, batch.min_arrival_ms, batch.max_arrival_ms) == (NOON + 20, NOON + 10, NOON + 24)


def test_record_of_a_former_hour_begins_an_object() -> None:
    """The folder of an hour holds what arrived in that hour, and nothing else."""
    batcher = opened()
    batcher.add(run(5))
    assert batcher.add(run(5, begin=5, arrival_ms=NOON - 3)) == 0
    assert batcher.due(0) == "hour"
    assert batcher.take("hour").min_arrival_ms == NOON


def test_ends_before_what_stands() -> None:
    """An object never runs into one that stands."""
    batcher = opened(room=Room(before=Position(1010, 0)))
    assert batcher.add(run(40)) == 10
    assert batcher.due(0) == "standing"
    assert batcher.take("standing").last == Position(1009, 0)


def test_remainder_after_an_adoption() -> None:
    """A batch gives back its own records after a position."""
    batcher = opened()
    records = run(30)
    batcher.add(records[:13])
    batcher.add(records[13:])
    batch = batcher.take("age")
    assert list(batch.after(Position(1019, 0))) == records[20:]
    assert list(batch.after(Position(1019, -1))) == records[19:]
