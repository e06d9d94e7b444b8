"""A delivery that is slow to judge: what is judged is written and committed on the way, with signs of life."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from consumers import alive
from consumers.chain import batcher as chain_batcher
from consumers.chain.batcher import ChainBatcher, ObjectBatch
from consumers.chain.batcher import Limits as ObjectLimits
from consumers.documents.decode import Limits as DecodeLimits
from consumers.documents.document import Rejected
from consumers.documents.meter import Meter
from consumers.letters.letter import LetterHead
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.parts import Batcher, NoDeliveryWatch, Room
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.redshift.stage_writer import StageWriter
from consumers.search.batch import IndexBatch
from consumers.search.batcher import IndexBatcher, Judged, Limits, gathered
from consumers.search.judge import Judge
from consumers.search.shape import Shape, conditions_of
from consumers.waiting import Patience

SLOW_S = 6.0
HEAD = LetterHead("events", "shard-1", "redshift_stage", "1.0", "app")
MIB = 1 << 20
BAD = Rejected("duplicate_key", "a key twice")


def records(count: int, arrival_ms: int = 1_700_000_000_000) -> list[Record]:
    """Make records that tell nothing."""
    return [Record(b"{}", "k", str(n), arrival_ms, 0) for n in range(1, count + 1)]


@dataclass
class World:
    """A clock that judging moves on, and a sink that takes everything; `lives` are the times of the signs of life."""

    now: float = 0.0
    slow_s: float = SLOW_S
    lives: list[float] = field(default_factory=list)
    written: list[tuple[float, int]] = field(default_factory=list)

    def judge(self, record: Record) -> Judged:
        """Take a while, and reject."""
        self.now += self.slow_s
        return BAD

    def clock(self) -> float:
        return self.now

    def begin(self, first: Record) -> Room:
        return Room()

    def write(self, batch: IndexBatch | ObjectBatch) -> Position:
        self.written.append((self.now, batch.last.sequence))
        return batch.last

    def info(self, event: str, **fields: object) -> None: ...

    warning = error = info

    def indexed(self) -> Batcher[Any]:
        """Gather for the index, for a second."""
        return IndexBatcher(Limits(5 * MIB, 10_000, 1), self.judge, self.clock)

    def staged(self) -> Batcher[Any]:
        """Gather for the table, for a minute."""
        limits = ObjectLimits(16 * MIB, 10_000, 60)
        return ChainBatcher(limits, lambda: StageWriter(self.judge, 1, HEAD, self.clock))

    def offered(self, batcher: Batcher[Any], delivery: Sequence[Record]) -> list[int]:
        """Deliver at once; where it was committed meanwhile."""
        pipeline = Pipeline(batcher, self, Patience(lambda _: None, self.clock, self))
        commits: list[int] = []
        pipeline.offer(delivery, 0.0, lambda position: commits.append(position.sequence))
        return commits


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Hear the signs of life."""
    made = World()
    monkeypatch.setattr(alive, "beat", lambda _within_s=0.0: made.lives.append(made.now))
    return made


@pytest.mark.parametrize(("gather", "age_s"), [(World.indexed, 1), (World.staged, 60)], ids=["index", "stage"])
def test_what_is_judged_is_written_at_its_age(world: World, gather: Callable[[World], Any], age_s: float) -> None:
    """Also while its own delivery is still being judged: nothing waits longer than its age and one record."""
    commits = world.offered(gather(world), records(60))
    assert commits == [last for _, last in world.written]
    times = [0.0, *(at for at, _ in world.written)]
    assert max(later - at for at, later in zip(times, times[1:], strict=False)) <= age_s + SLOW_S
    assert commits[-1] >= 60 - age_s / SLOW_S


@pytest.mark.parametrize("gather", [World.indexed, World.staged], ids=["index", "stage"])
def test_each_slow_record_is_a_sign_of_life(world: World, gather: Callable[[World], Any]) -> None:
    """However many of them a delivery has."""
    world.offered(gather(world), records(60))
    times = [0.0, *world.lives]
    assert max(later - at for at, later in zip(times, times[1:], strict=False)) <= SLOW_S
    assert times[-1] == 60 * SLOW_S


class Piecewise(NoDeliveryWatch):
    """Lets two records be gathered at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def ready(self, records: Sequence[Record]) -> int:
        self.asked.append(len(records))
        return 2


def test_records_are_gathered_when_they_are_ready(world: World) -> None:
    """Those that must be tried apart first are judged piece after piece."""
    world.slow_s = 0.0
    watch = Piecewise()
    batcher = IndexBatcher(Limits(5 * MIB, 3, 1), world.judge, world.clock)
    pipeline = Pipeline(batcher, world, Patience(lambda _: None, world.clock, world), watch)
    pipeline.offer(records(7), 0.0)
    assert watch.asked == [7, 5, 4, 2, 1]
    assert [last for _, last in world.written] == [3, 6]


@pytest.mark.parametrize("gather", [World.indexed, World.staged], ids=["index", "stage"])
def test_quick_records_are_taken_in_one_run(world: World, gather: Callable[[World], Any]) -> None:
    """A look at the clock between two of them costs nothing, and cuts nothing."""
    world.slow_s = 0.0
    batcher = gather(world)
    batcher.open(Room(), 0.0)
    assert batcher.add(records(7)) == 7


def test_what_was_inflated_counts_also_if_nothing_is_left_of_it() -> None:
    """Rejected or left out: a request ends when eight times its size was read for it, an object at 512 MiB."""
    size = 100_000
    for tail in (b',"b":1,"b":2}', b',"event":"heartbeat"}'):
        payload = gzip.compress(b'{"a":"' + b"x" * size + b'"' + tail)
        run = [Record(payload, "k", str(n), 1_700_000_000_000, 0) for n in range(1, 12)]
        meter = Meter()
        limits = DecodeLimits(inflated=meter.add)
        judge = Judge("s", "shard", lambda _: "i", Shape(exclude=conditions_of("event=heartbeat")), limits).judge
        batcher = IndexBatcher(Limits(size, 10_000, 1), judge, lambda: 0.0, meter)
        batcher.open(Room(), 0.0)
        assert [batcher.add([one]) and batcher.due(0.0) for one in run[:8]] == [None] * 7 + ["bytes"]
        with patch.object(chain_batcher, "MOST_PAYLOAD_BYTES", 8 * size):
            objects = ChainBatcher(
                ObjectLimits(size, 10_000, 60),
                partial(StageWriter, judge, 1, HEAD, lambda: 0.0, meter),
            )
            objects.open(Room(), 0.0)
            assert [objects.add([one]) and objects.due(0.0) for one in run[:8]] == [None] * 7 + ["bytes"]
        batcher.take("bytes")
        batcher.open(Room(), 0.0)
        batcher.add(run[8:])
        assert batcher.due(0.0) is None  # counted anew


def test_all_of_a_slow_run_are_gathered(world: World) -> None:
    """A command that makes one batch of many looks at no clock."""
    world.slow_s = 0.3  # more than a look takes
    assert len(gathered(records(9), world.judge).records) == 9


def test_an_object_that_is_taken_in_parts_is_cut_at_its_hour(world: World) -> None:
    """Not before it, where a slow run stopped."""
    delivery = [*records(3), *(Record(b"{}", "k", str(n), 1_700_000_000_000 + HOUR_MS, 0) for n in (4, 5))]
    batcher = world.staged()
    batcher.open(Room(), 0.0)
    cuts = []
    while delivery and not batcher.due(0.0):
        delivery = delivery[batcher.add(delivery) :]
        cuts.append(batcher.due(0.0))
    assert (cuts, len(delivery)) == ([None, None, "hour"], 2)


def test_an_archive_takes_its_runs_whole(world: World) -> None:
    """What is not looked into is not slow, and a longer run makes a smaller index."""
    codec = CODECS["gzip"]
    batcher = ChainBatcher(ObjectLimits(16 * MIB, 10_000, 60), lambda: ObjectWriter(codec, 1))
    batcher.open(Room(), 0.0)
    assert batcher.add(records(100)) == 100
