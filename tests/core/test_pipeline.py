"""The flow of one shard as one ordered list of actions: what is durable is committed, and nothing before."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from consumers import pipeline as flow
from consumers.deliveries import OutOfOrder
from consumers.parts import Room
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.waiting import DeadlineReached, Patience, Unavailable


def record(n: int) -> Record:
    """Make the n-th record."""
    return Record(b"%d" % n, "k", str(n), 1_700_000_000_000 + n, 0)


def at(n: int) -> Position:
    """Give the n-th record's position."""
    return Position(n, 0)


@dataclass
class Run:
    """A batch."""

    records: list[Record]

    @property
    def last(self) -> Position:
        return self.records[-1].position

    def after(self, position: Position) -> Sequence[Record]:
        return [r for r in self.records if r.position > position]


@dataclass
class World:
    """A batcher of two records and a sink that stands anywhere, writing down what is asked of them."""

    actions: list[str] = field(default_factory=list)
    standing: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    now: float = 0.0
    held: list[Record] | None = None

    @property
    def empty(self) -> bool:
        return self.held is None

    @property
    def oldest_ms(self) -> int | None:
        return self.held[0].arrival_ms if self.held else None

    def open(self, room: Room, now: float) -> None:
        self.held = []

    def add(self, records: Sequence[Record]) -> int:
        assert self.held is not None
        taken = min(2 - len(self.held), len(records))
        self.held += records[:taken]
        return taken

    def due(self, now: float) -> str | None:
        return "records" if self.held and len(self.held) == 2 else None

    def take(self, why: str) -> Run:
        assert self.held
        run, self.held = Run(self.held), None
        return run

    def clear(self) -> None:
        self.held = None

    def begin(self, first: Record) -> Room:
        end = self.standing.get(first.position.sequence)
        return Room(covered=at(end) if end else None)

    def write(self, batch: Run) -> Position:
        if self.broken:
            self.broken -= 1
            self.actions.append("refused")
            reason = "down"
            raise Unavailable(reason)
        first = batch.records[0].position.sequence
        end = self.standing.get(first * 10)  # stood there only when it was written to
        self.actions.append(f"write {first}-{batch.last.sequence}")
        return at(end) if end else batch.last

    def info(self, event: str, **fields: object) -> None: ...

    warning = error = info

    def pipeline(self) -> Pipeline[Run]:
        """Join it."""

        def pause(seconds: float) -> None:
            self.now += seconds

        return Pipeline(self, self, Patience(pause, lambda: self.now, self))


def test_only_what_is_written_is_durable() -> None:
    """Records in the buffer are not."""
    world = World()
    pipeline = world.pipeline()
    pipeline.offer([record(1)], 0)
    assert pipeline.durable is None
    pipeline.offer([record(2), record(3)], 0)
    assert world.actions == ["write 1-2"]
    assert pipeline.durable == at(2)
    assert pipeline.drain(0)
    assert world.actions == ["write 1-2", "write 3-3"]
    assert pipeline.durable == at(3)


def test_refusals_are_waited_out() -> None:
    """The same batch is written again until it is accepted."""
    world = World(broken=3)
    pipeline = world.pipeline()
    pipeline.offer([record(1), record(2)], 0)
    assert world.actions == ["refused", "refused", "refused", "write 1-2"]
    assert world.now > 0


def test_drain_gives_up_at_its_deadline() -> None:
    """What could not be written is not durable."""
    world = World(broken=10_000)
    pipeline = world.pipeline()
    pipeline.offer([record(1)], 0)
    assert pipeline.drain(0, deadline=5.0) is False
    assert pipeline.durable is None
    assert world.now <= 5.0


def test_what_stands_is_skipped_without_writing() -> None:
    """A batch that would begin where another stands begins after its end; its end is durable once delivered."""
    world = World(standing={1: 4})
    pipeline = world.pipeline()
    pipeline.offer([record(1), record(2), record(3)], 0)
    assert world.actions == []
    assert pipeline.durable is None
    pipeline.offer([record(4), record(5)], 0)
    assert world.actions == []
    assert pipeline.durable == at(4)
    pipeline.drain(0)
    assert world.actions == ["write 5-5"]
    assert pipeline.durable == at(5)


def test_adoption_of_a_shorter_batch_goes_on_after_its_end() -> None:
    """The rest of ours becomes a batch of its own."""
    world = World(standing={10: 1})
    pipeline = world.pipeline()
    pipeline.offer([record(1), record(2)], 0)
    assert pipeline.durable == at(1)
    pipeline.drain(0)
    assert world.actions == ["write 1-2", "write 2-2"]


def test_what_is_left_after_an_adoption_is_taken_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it is, no more of it lies in memory than of a delivery."""
    world, runs = World(standing={10: 1}), list[int]()
    world.due = lambda now: "records" if world.held and len(world.held) == 9 else None  # type: ignore[method-assign]

    def add(records: Sequence[Record]) -> int:
        assert world.held is not None
        runs.append(len(records))
        taken = min(9 - len(world.held), len(records))
        world.held += records[:taken]
        return taken

    world.add = add  # type: ignore[method-assign]
    pipeline = world.pipeline()
    monkeypatch.setattr(flow, "RUN_RECORDS", 3)
    pipeline.offer([record(n) for n in range(1, 10)], 0)
    assert runs == [9, 3, 3, 2]
    monkeypatch.setattr(flow, "RUN_BYTES", 2)
    world.standing[20] = 3
    assert [len(run) for run in flow._runs([record(n) for n in range(1, 6)])] == [2, 2, 1]
    pipeline.drain(0)
    assert world.actions == ["write 1-9", "write 2-9", "write 4-9"]


def test_adoption_of_a_longer_batch_is_not_durable_before_its_end() -> None:
    """Never a checkpoint inside what stands."""
    world = World(standing={10: 5})
    pipeline = world.pipeline()
    pipeline.offer([record(1), record(2), record(3)], 0)
    assert pipeline.durable is None
    pipeline.offer([record(4), record(5), record(6)], 0)
    assert pipeline.durable == at(5)


def test_end_of_a_range_without_records_is_never_checkpointed() -> None:
    """A place just before a record is no record."""
    world = World()
    pipeline = world.pipeline()
    world.write = lambda batch: Position(3, -1)  # type: ignore[method-assign]
    pipeline.offer([record(1), record(2)], 0)
    pipeline.offer([record(3)], 0)
    assert pipeline.durable is None


def test_abandoned_records_are_never_written() -> None:
    """The shard is somebody else's."""
    world = World()
    pipeline = world.pipeline()
    pipeline.offer([record(1)], 0)
    pipeline.abandon()
    assert pipeline.drain(0)
    assert world.actions == []


def test_patience_reminds_and_ends() -> None:
    """A fault is logged at once and then once a minute, however often it is tried."""
    said: list[str] = []
    now = [0.0]

    class Loud(World):
        def warning(self, event: str, **fields: object) -> None:
            said.append(f"{event} {fields['reason']}")

    def pause(seconds: float) -> None:
        now[0] += seconds

    def refuse() -> None:
        reason = "down"
        raise Unavailable(reason)

    with pytest.raises(DeadlineReached):
        Patience(pause, lambda: now[0], Loud()).until_done(refuse, deadline=200)
    assert 3 <= len(said) <= 4
    assert set(said) == {"waiting down"}


def test_what_comes_again_is_dropped() -> None:
    """KCL reads anew after the last batch that it saw accepted, with other bounds."""
    world = World()
    pipeline = world.pipeline()
    for first in (1, 3, 5):
        pipeline.offer([record(first), record(first + 1)], 0)
    pipeline.offer([record(n) for n in range(2, 8)], 0)
    assert pipeline.drain(0)
    assert world.actions == ["write 1-2", "write 3-4", "write 5-6", "write 7-7"]


def test_what_was_overtaken_is_no_repetition() -> None:
    """A record that was never delivered, before ones that were, is a hole: nothing goes on over it."""
    world = World()
    pipeline = world.pipeline()
    pipeline.offer([record(1), record(2)], 0)
    pipeline.offer([record(5), record(6)], 0)
    pipeline.offer([record(5), record(6)], 0)
    with pytest.raises(OutOfOrder, match="between 2:0 and 5:0"):
        pipeline.offer([record(n) for n in range(3, 8)], 0)
    assert pipeline.durable == at(6)
