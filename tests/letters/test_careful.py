"""A shard that begins at one place again and again finds its killer, and goes on without it."""

import os
import signal
from collections.abc import Callable, Sequence

import msgspec
import pytest

from consumers.letters.careful import Careful
from consumers.letters.killer import Judge, Verdict, Why
from consumers.letters.letter import KILLS_PROCESS, TOO_SLOW
from consumers.letters.starts import MOST_CONDEMNED, Condemned, Starts
from consumers.letters.trial import try_apart
from consumers.records import Position, Record
from consumers.waiting import Parked
from tests.letters.sample import record
from tests.memory_store import MemoryStore
from tests.support.archive import archive_of
from tests.support.servers import Server

RECORDS = [record(n) for n in range(30)]


class Said:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))


def survivors(careful: Careful, records: Sequence[Record]) -> list[Record]:
    """Try all of them, piece after piece, and give those that are not condemned."""
    left = records
    while left:
        left = left[careful.ready(left) :]
    return [one for one in records if one.position not in careful.condemned]


def deadly(judged: Record) -> None:
    """Die of the third and the twentieth."""
    if judged.partition_key in {"key 3", "key 20"}:
        os.abort()


def test_killers_are_condemned_one_after_the_other() -> None:
    """The others are given back, in order; a later process knows them without a search."""
    store, said = MemoryStore(), Said()
    starts = Starts(store, "app", "events", "shard")
    careful = Careful(starts, starts.begin("1:0"), deadly, said)
    alive = [one for n, one in enumerate(RECORDS) if n not in {3, 20}]
    assert survivors(careful, RECORDS) == alive
    assert careful.condemned == {RECORDS[3].position: KILLS_PROCESS, RECORDS[20].position: KILLS_PROCESS}
    assert [(level, event, fields["position"]) for level, event, fields in said.lines] == [
        ("error", "killer_found", str(RECORDS[n].position)) for n in (3, 20)
    ]
    state = Starts(store, "app", "events", "shard").begin("1:0")
    assert (state.reasons, state.trying) == (careful.condemned, None)
    silent = Said()
    again = Careful(starts, state, lambda judged: None, silent)
    assert (survivors(again, RECORDS), silent.lines) == (alive, [])


def test_what_was_tried_may_be_judged_before_the_rest_is() -> None:
    """So that it is written, however long a delivery takes; nothing is tried twice."""
    starts = Starts(MemoryStore(), "app", "events", "shard")
    asked: list[int] = []

    def three(records: Sequence[Record], judge: Judge, mark: Callable[[Position], None]) -> Verdict:
        asked.append(len(records))
        return Verdict(Why.NONE_KILLS, tried=min(3, len(records)))

    starts.condemn(RECORDS[1].position, ("SIGSEGV",) * 3)
    careful = Careful(starts, starts.begin("1:0"), deadly, Said(), three)
    assert careful.ready(RECORDS[:8]) == 4  # three, and the one that is condemned
    assert careful.ready(RECORDS[2:8]) == 2
    assert careful.ready(RECORDS[4:8]) == 3
    assert careful.ready(RECORDS[7:8]) == 1
    assert asked == [7, 4, 1]


def test_the_slow_are_condemned_for_being_slow() -> None:
    """The state says so to every later process, and an older state has killers only."""
    store, said = MemoryStore(), Said()
    starts = Starts(store, "app", "events", "shard")

    def first(records: Sequence[Record], judge: Judge, mark: Callable[[Position], None]) -> Verdict:
        if records[0] is RECORDS[0]:
            return Verdict(Why.FOUND, records[0], ("more than 30 s of CPU",) * 3, reason=TOO_SLOW)
        return Verdict(Why.NONE_KILLS, tried=len(records))

    careful = Careful(starts, starts.begin("1:0"), deadly, said, first)
    assert careful.ready(RECORDS) == len(RECORDS)
    assert starts.begin("1:0").reasons == {RECORDS[0].position: TOO_SLOW}
    assert "CPU time" in str(said.lines[0][2]["reason"])
    older = b'{"sequence":"7","sub":0,"deaths":["SIGSEGV"]}'
    assert msgspec.json.decode(older, type=Condemned).reason == KILLS_PROCESS


def test_a_search_without_a_result_goes_on() -> None:
    """It says so; nobody is condemned, and no mark is left."""
    store, said = MemoryStore(), Said()
    starts = Starts(store, "app", "events", "shard")

    def hung(records: Sequence[Record], judge: Judge, mark: Callable[[Position], None]) -> Verdict:
        mark(RECORDS[5].position)
        return Verdict(Why.HUNG, how=("no end within 60 s",))

    careful = Careful(starts, starts.begin("1:0"), deadly, said, hung)
    assert survivors(careful, RECORDS) == RECORDS
    assert [line[:2] for line in said.lines] == [("warning", "killer_not_found")]
    state = starts.begin("1:0")
    assert (state.condemned, state.trying) == ((), None)


def test_a_judge_that_dies_of_everything_parks() -> None:
    """A bug in the code is not poured into the dead letters as so many bad records."""
    starts = Starts(MemoryStore(), "app", "events", "shard")

    def first(records: Sequence[Record], judge: Judge, mark: Callable[[Position], None]) -> Verdict:
        return Verdict(Why.FOUND, records[0], ("SIGABRT",) * 3)

    careful = Careful(starts, starts.begin("1:0"), deadly, Said(), first)
    for _ in range(3):
        with pytest.raises(Parked, match="one after the other"):
            survivors(careful, RECORDS)
    assert len(starts.begin("1:0").condemned) == MOST_CONDEMNED


def test_no_data_is_logged() -> None:
    """Positions and signals only."""
    starts, said = Starts(MemoryStore(), "app", "events", "shard"), Said()
    survivors(Careful(starts, starts.begin("1:0"), deadly, said), [record(3, b"secret")])
    assert "secret" not in repr(said.lines)
    assert "key 3" not in repr(said.lines)


def test_a_process_that_dies_again_and_again_comes_through(s3: Server) -> None:
    """Real processes with one bucket between them: two die at the record, the third finds it and delivers the others.

    What each delivered, and the checkpoint, would stand elsewhere; here each process must come to its end or die.
    """

    def life() -> None:
        starts = Starts(archive_of(s3), "app", "events", "shard")
        state = starts.begin("1:0")
        careful = Careful(starts, state, deadly, Said())
        alive = [one for one in RECORDS if one.position not in careful.condemned]
        for one in survivors(careful, RECORDS) if state.careful else alive:
            deadly(one)

    assert [try_apart(life).how for _ in range(4)] == ["SIGABRT", "SIGABRT", "", ""]
    state = Starts(archive_of(s3), "app", "events", "shard").begin("1:0")
    assert {one.position for one in RECORDS if one.partition_key in {"key 3", "key 20"}} == state.reasons.keys()


def test_restarts_alone_condemn_nobody(s3: Server) -> None:
    """Ten processes that are killed from outside in the middle of the same record, and one that then is left alone."""

    def life(judge: Judge) -> None:
        starts = Starts(archive_of(s3), "app", "events", "shard")
        careful = Careful(starts, starts.begin("1:0"), judge, Said())
        starts.mark(RECORDS[3].position)
        survivors(careful, RECORDS)
        os.kill(os.getpid(), signal.SIGKILL)

    def killed(judged: Record) -> None:
        if judged is RECORDS[3]:
            os.kill(os.getpid(), signal.SIGKILL)

    assert {try_apart(lambda: life(killed)).how for _ in range(10)} == {"SIGKILL"}
    assert Starts(archive_of(s3), "app", "events", "shard").begin("1:0").condemned == ()
