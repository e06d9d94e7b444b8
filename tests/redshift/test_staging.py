"""Staging, stopped, raced and refused: each record is a row or a dead letter, once.

The consumer is built as for a real shard, over stores in memory. Random schedules are in tests/model/test_staging.py.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Decoded, Rejected
from consumers.letters.permit import Permit
from consumers.records import HOUR_MS, Position, Record
from consumers.redshift import rows as judging
from consumers.redshift.staging import StageWatch
from consumers.waiting import Parked, Unavailable
from tests.support.staging import TABLE, Stopped, World, amount_of, records

BAD = "x"
BIG = 40_000
RUN = records([1, BAD, 2, BAD, BAD, BAD, 3, BIG, 4, BAD, 5])
WIDER = TABLE.replace("version = 1", "version = 2").replace("smallint", "integer")


def bad(record: Record) -> bool:
    """Whether the first version of the table rejects it."""
    return amount_of(record) in {BAD, BIG}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nothing has happened yet."""
    return World(tmp_path)


def worlds(folder: Path) -> Callable[[], World]:
    """Make as many as a test needs, each with a folder of its own."""

    def make() -> World:
        new = folder / str(len([*folder.iterdir()]))
        new.mkdir()
        return World(new)

    return make


def test_each_record_is_a_row_or_a_letter(world: World) -> None:
    """Also where a run makes no row at all: its object stands all the same, and the chain goes on after it."""
    world.run(RUN)
    assert world.faults(RUN, bad) == []
    assert [(link.count, link.notes["rows"], link.notes["rejected"]) for link in world.links()] == [
        (3, "2", "1"),
        (3, "0", "3"),
        (3, "2", "1"),
        (2, "1", "1"),
    ]
    assert [link.after for link in world.links()][1:] == [link.last for link in world.links()][:-1]
    assert world.checkpoint == RUN[-1].position
    assert {(one.reason, one.detail) for one in world.letters()} == {
        ("wrong_type", "column amount: the value is a text, and no number"),
        ("out_of_range", "column amount: the value lies beyond smallint"),
    }


def test_letters_stand_before_the_object_and_are_found_before_the_checkpoint(world: World) -> None:
    """Whoever dies in between leaves nothing half done that the next one does not see."""
    world.run(RUN[:3])
    ends = (".letters.gz", ".lines.gz", ".ndjson.gz", "commit")
    steps = [end for call in world.calls for end in ends if call.startswith(("put", "commit")) and call.endswith(end)]
    assert steps == [*ends]


@pytest.mark.parametrize("when", ["before", "after"])
def test_stopped_at_every_call(tmp_path: Path, when: str) -> None:
    """A process that dies around any call to a store loses nothing and doubles nothing; nor does a replay of all."""
    make, number = worlds(tmp_path), 0
    while True:
        number += 1
        world = make()
        world.stop_at(number, when)
        try:
            world.run(RUN)
        except Stopped:
            assert world.fateless(RUN) == [], f"call {number}: {world.calls[-1]}"
            stopped = world.calls[-1]
        else:
            break
        world.run(RUN)
        assert world.faults(RUN, bad) == [], f"call {number}: {stopped}"
        staged, letters = world.staged(), world.letters()
        world.checkpoint = None
        world.run(RUN)
        assert (world.staged(), world.letters()) == (staged, letters), f"call {number}: {stopped}"
    assert number > 40


def test_stopped_again_and_again(world: World) -> None:
    """Each process dies one call later than the one before it; in the end all is done."""
    number = 0
    while not world.ended:
        number += 1
        world.stop_at(world.number + number, "after")
        try:
            world.run(RUN)
        except Stopped:
            assert world.fateless(RUN) == []
    assert world.faults(RUN, bad) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("wide", [False, True], ids=["same table", "changed table"])
def test_zombie_that_thaws_at_every_call(tmp_path: Path, when: str, *, wide: bool) -> None:
    """Another process does it all meanwhile, with other cuts and perhaps another table: only what stands counts."""
    make, number = worlds(tmp_path), 0
    while True:
        number += 1
        world = make()
        mine = world.settings
        other = world.write(WIDER if wide else TABLE, maxRecords=2)
        (world.before if when == "before" else world.after)[number] = lambda: world.run(RUN, other, size=2)  # noqa: B023
        world.run(RUN, mine, size=11, holds=False)
        if not world.checkpoint:
            break
        tables = {link.notes["table"]: link for link in world.links()}
        assert tables.keys() <= {"1", "2"}
        by_first = [link for link in world.links() if link.notes["table"] == "1"]

        def refused(record: Record) -> bool:
            first = any(link.first <= record.position <= link.last for link in by_first)  # noqa: B023
            return bad(record) if first else amount_of(record) == BAD

        assert world.faults(RUN, refused) == [], f"call {number}"
    assert number > 30


def test_letters_of_a_loser_count_never(world: World) -> None:
    """They lie beside the object that stands, where nobody looks: its link names others."""
    mine = world.settings
    other = world.write(WIDER)
    run = records([BAD, BIG, 1])
    at = next(at for at, name in enumerate(_calls_of(world, run, mine), 1) if name.endswith(".lines.gz"))
    world.before[at] = lambda: world.run(run, other)
    world.run(run, mine, holds=False)
    beside = [key for key in world.store.objects if key.endswith(".letters.gz")]
    assert len(beside) == 2
    assert [letter.position for letter in world.letters()] == [run[0].position]
    assert [*world.rows()] == [run[1].position, run[2].position]


def _calls_of(world: World, run: Sequence[Record], settings: object) -> list[str]:
    """Name the calls of a process that nothing happens to."""
    folder = world.folder / "apart"
    folder.mkdir()
    apart = World(folder)
    apart.run(run)
    return [call for call in apart.calls if call != "commit"]


def test_a_first_start_that_begins_further_on_finds_the_letters_of_the_one_before(world: World) -> None:
    """The first process wrote its object and died; what it read has expired since."""
    at = next(at for at, name in enumerate(_calls_of(world, RUN[:3], None), 1) if name.endswith(".lines.gz"))
    world.stop_at(at, "after")
    with pytest.raises(Stopped):
        world.run(RUN)
    assert world.letters() == []
    world.run(RUN[6:])
    assert RUN[1].position in {letter.position for letter in world.letters()}


def test_too_many_rejected_records_pause_and_a_permit_lets_them_go(world: World) -> None:
    """A table that does not fit the stream stops before it has emptied the stream into the dead letters."""
    world.write(TABLE, pauseRecords=6)
    waited: list[tuple[Position | None, int]] = []

    def pause() -> None:
        waited.append((world.checkpoint, len(world.letters())))
        if len(waited) == 3:
            Permit(world.graves, "app").grant(HOUR_MS)

    world.pause = pause
    world.run(RUN)
    assert waited == [(RUN[2].position, 1)] * 3
    assert world.faults(RUN, bad) == []
    (said,) = world.heard.of("waiting")
    assert "paused: too many records are rejected, of this object 3 of 3" in str(said["reason"])
    assert "kinesis-fleet dead-letters let-through --for 1h FILE" in str(said["remedy"])
    assert "higher version" in str(said["remedy"])


def test_a_corrected_table_goes_on_where_it_paused(world: World) -> None:
    """Nothing of the paused object stands, so its records are judged by the new table."""
    world.write(TABLE, pauseRecords=3)
    run = records([BIG, BIG, BIG, 1])
    world.pause = _give_up
    with pytest.raises(Stopped):
        world.run(run)
    world.write(WIDER)
    world.run(run)
    assert world.faults(run, lambda _: False) == []


def _give_up() -> None:
    raise Stopped


def test_a_record_that_ends_the_process_goes_to_the_dead_letters(world: World) -> None:
    """The third process at one place tries them apart, and passes over the one that kills; all others are rows."""

    def deadly(payload: bytes, limits: Limits) -> Decoded | Rejected:
        if payload == RUN[6].payload:
            raise Stopped
        return decode(payload, limits)

    with patch.object(judging, "decode", deadly):
        for _ in range(2):
            with pytest.raises(Stopped):
                world.run(RUN)
        for _ in range(3):
            if not world.ended:
                try:
                    world.run(RUN)
                except Stopped:
                    continue
    assert world.ended
    assert world.faults(RUN, lambda record: bad(record) or record is RUN[6]) == []
    assert [one.position for one in world.letters() if one.reason == "kills_process"] == [RUN[6].position]


def test_a_redrive_is_staged_once(world: World) -> None:
    """However often it is repeated: what makes rows by now is a row, and the rest stays in the dead letters."""
    world.run(RUN)
    world.write(WIDER)
    dead = [letter.record() for letter in world.letters()]
    for _ in range(2):
        again = world.redrive(dead)
        assert {letter.position for letter in again} == {one.position for one in dead if amount_of(one) == BAD}
        assert {letter.reason for letter in again} == {"wrong_type"}
        assert {position for position, count in world.rows().items() if count == 1} == {
            record.position for record in RUN if amount_of(record) != BAD
        }
        assert sum(world.rows().values()) == len(world.rows())


def test_a_redrive_stopped_at_every_call_is_repeated(tmp_path: Path) -> None:
    """Whoever redrives again meets the same keys."""
    make, number = worlds(tmp_path), 0
    run = records([BIG, BIG, 1])
    while True:
        number += 1
        world = make()
        world.run(run)
        world.write(WIDER)
        world.stop_at(world.number + number, "after")
        dead = [letter.record() for letter in world.letters()]
        try:
            world.redrive(dead)
        except Stopped:
            world.redrive(dead)
        else:
            break
        assert sorted(world.rows().items()) == [(record.position, 1) for record in run]
    assert number > 2


def test_redriven_objects_are_not_of_the_chain(world: World) -> None:
    """A replay of the stream passes over them, and adopts what it adopted before."""
    world.run(RUN)
    world.write(WIDER)
    world.redrive([letter.record() for letter in world.letters()])
    staged = world.staged()
    world.checkpoint = None
    world.run(RUN)
    assert world.staged() == staged


def test_letters_that_a_replay_brings_back_are_redriven_to_the_same_rows(world: World) -> None:
    """A replay puts the letters of what stands again, also those that were redriven: to redrive them adds nothing."""
    world.run(RUN)
    world.write(WIDER)
    dead = [letter.record() for letter in world.letters()]
    world.redrive(dead)
    for key in [key for key in world.graves.objects if key.startswith("dead-letters/")]:
        world.graves.remove(key)
    world.checkpoint = None
    world.run(RUN)
    assert [letter.record() for letter in world.letters()] == dead
    rows = world.rows()
    world.redrive(dead)
    assert world.rows() == rows
    assert set(rows.values()) == {1}


def test_a_changed_table_of_the_same_version_is_refused(world: World) -> None:
    """Before any row of it is staged; the remedy says how to go on, and going on works."""
    world.run(RUN[:3])
    world.write(WIDER.replace("version = 2", "version = 1"))
    staged = world.staged()
    world.pause = _give_up
    with pytest.raises(Stopped):
        world.run(RUN)
    assert world.staged() == staged
    (said,) = world.heard.of("waiting")
    assert "the table file was changed, and still is version 1" in str(said["reason"])
    assert "write a higher version into it" in str(said["remedy"])
    world.write(WIDER)
    world.run(RUN)
    assert world.faults(RUN, lambda record: amount_of(record) == BAD) == []


@pytest.mark.parametrize("damage", [None, b"", b"no gzip"])
def test_letters_beside_that_are_gone_or_damaged_park(world: World, damage: bytes | None) -> None:
    """The records are nowhere else: nothing is checkpointed until somebody has restored them."""
    world.run(RUN[:3])
    (beside,) = [key for key in world.store.objects if key.endswith(".letters.gz")]
    stood = world.store.objects.pop(beside)
    if damage is not None:
        world.store.objects[beside] = (damage, {})
    world.checkpoint = None
    for key in [key for key in world.graves.objects if key.startswith("dead-letters/")]:
        world.graves.remove(key)

    def restore() -> None:
        assert world.checkpoint is None
        world.store.objects[beside] = stood

    world.pause = restore
    world.run(RUN)
    assert world.faults(RUN, bad) == []
    (said,) = world.heard.of("parked")
    assert "restore its former version" in str(said["remedy"])


class Counting:
    """Hours that count what they are told, in the place of the real ones."""

    def __init__(self) -> None:
        self.told = 0

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:
        self.told += 1
        return self.told == 1


def test_a_delivery_is_noted_once_though_it_was_tried_again(world: World) -> None:
    """A gap before it is told to whoever tries again: noted twice, it would be forgotten."""
    left = [Unavailable("down"), Parked("down", "wait")]
    hours = Counting()

    def declare() -> None:
        if left:
            raise left.pop()

    pipeline = world.process()
    watch = pipeline._watch
    assert isinstance(watch, StageWatch)
    watch.hours, watch.declare = hours, declare  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(Unavailable):
            watch.received(RUN, caught_up=False)
    assert watch.received(RUN, caught_up=False)
    assert hours.told == 1
