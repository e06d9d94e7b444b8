"""The contract of a destination. A test module of one inherits `Contract`, and has a fixture `place`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from consumers.records import Record
from consumers.waiting import Unavailable
from tests.concern.world import SHARD, Ended, Place, World, record


class Contract:
    """What docs/guarantee.md promises of any destination, tried on one."""

    @pytest.fixture
    def world(self, place: Place, tmp_path: Path) -> World:
        """A shard that begins."""
        return World(place, tmp_path)

    def test_it_says_that_it_is_ready(self, world: World) -> None:
        """And that it is not, while it is away; then it is again, on the same connection."""
        destination = world.destination()
        destination.ready()
        with world.place.away(), pytest.raises(Unavailable):
            destination.ready()
        destination.ready()

    def test_every_record_is_held_as_it_came(self, world: World) -> None:
        """Whatever its payload and its key are."""
        records = [
            record(1, b"\x00\xff\r\n{"),
            record(2, b" "),
            record(3, b"x" * 200_000),
            record(4, key=None),
            record(5, key="\N{SNOWMAN}" * 256),
            *(record(number) for number in range(6, 30)),
        ]
        world.run(records)
        judge(world, records)

    def test_a_refused_record_fails_alone(self, world: World) -> None:
        """It becomes a dead letter; the others are held; the checkpoint passes."""
        records = [record(number, world.place.refused if number in {3, 4, 9} else b"") for number in range(12)]
        world.run(records)
        judge(world, records)
        assert world.checkpoint == records[-1].position

    def test_what_was_refused_is_put_through_again(self, world: World) -> None:
        """Once the cause is gone; before that, it is refused again."""
        records = [record(number, world.place.refused if number == 3 else b"") for number in range(6)]
        world.run(records)
        (letter,) = world.letters()
        assert [again.position for again in world.redrive([letter.record()])] == [letter.position]
        changes = world.place.accept()
        assert world.redrive([letter.record()], **changes) == []
        assert {place for place, _ in Counter(placed(world)).items()} == {where(one) for one in records}

    def test_an_outage_is_waited_out(self, world: World) -> None:
        """Nothing is committed in it, nothing is lost, and the records are no dead letters."""
        records = [record(number) for number in range(9)]
        before = world.checkpoint
        with world.place.away() as _:
            world.paused = _end
            with pytest.raises(Ended):
                world.run(records)
        assert world.checkpoint == before
        assert not world.letters()
        world.paused = lambda: None
        world.run(records)
        judge(world, records)

    def test_a_process_may_end_at_each_step(self, world: World, tmp_path: Path) -> None:
        """Before it or after it; the next one begins at the checkpoint."""
        records = [record(number, world.place.refused if number == 4 else b"") for number in range(8)]
        world.run(records)
        steps = len(world.calls)
        first = 8
        for at in range(1, steps + 1):
            for when in ("end_before", "end_after"):
                run = [record(first + number, world.place.refused if number == 4 else b"") for number in range(8)]
                first += 8
                other = World(world.place, tmp_path, world.store)
                setattr(other, when, at)
                with pytest.raises(Ended):
                    other.run(run)
                other.end_before = other.end_after = 0
                other.run(run)
                records += run
                assert other.checkpoint == run[-1].position
        judge(world, records)

    def test_two_processes_deliver_the_same(self, world: World) -> None:
        """One has lost the lease, and does not know it."""
        records = [record(number, world.place.refused if number == 4 else b"") for number in range(8)]
        world.run(records, holds=False)
        world.run(records)
        judge(world, records)


def _end() -> None:
    raise Ended


def where(one: Record) -> tuple[str, str]:
    """Name a record as a destination must."""
    return SHARD, str(one.position)


def placed(world: World) -> Sequence[tuple[str, str]]:
    """Return where each held record belongs."""
    return [(shard, position) for shard, position, _ in world.place.held()]


def judge(world: World, records: Sequence[Record]) -> None:
    """Hold what stands against what was put: each record is held, or else a dead letter, and never both."""
    letters = {letter.position for letter in world.letters()}
    wanted = {where(one): one.payload for one in records if one.position not in letters}
    counts = Counter(placed(world))
    assert letters == {one.position for one in records if one.payload == world.place.refused}
    assert counts.keys() == wanted.keys()
    if world.place.once:
        assert set(counts.values()) == {1}
    assert {(shard, position): payload for shard, position, payload in world.place.held()} == wanted
