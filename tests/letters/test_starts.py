"""Beginnings are counted by their place, and a condemned record stays condemned until it lies behind."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.letters.letter import KILLS_PROCESS
from consumers.letters.starts import Starts, start_text
from consumers.parts import Start
from consumers.records import Position
from consumers.waiting import Parked, Patience, Unavailable
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent
from tests.support.archive import archive_of
from tests.support.servers import Server

SHARD = "shardId-000000000000"
KEY = f"_kinesis-fleet/app/starts/events.{SHARD}.json"
DEATHS = ("SIGSEGV", "SIGSEGV", "SIGABRT")


def starts(store: MemoryStore) -> Starts:
    """Begin a process."""
    return Starts(store, "app", "events", SHARD)


def test_the_third_beginning_at_one_place_is_careful() -> None:
    """Each by a process of its own."""
    store = MemoryStore()
    assert [starts(store).begin("5:0").careful for _ in range(4)] == [False, False, True, True]


def test_a_checkpoint_that_moved_counts_anew() -> None:
    """It has made progress."""
    store = MemoryStore()
    places = ["5:0", "5:0", "6:0", "5:0", "5:0", "5:0"]
    assert [starts(store).begin(place).starts for place in places] == [1, 1 + 1, 1, 1, 2, 3]


def test_the_condemned_outlive_restarts_until_they_lie_behind() -> None:
    """A checkpoint before the record keeps it, one after it forgets it; an initial position keeps all."""
    store = MemoryStore()
    starts(store).begin("5:0")
    starts(store).condemn(Position(7, 1), DEATHS)
    assert starts(store).begin("5:0").reasons == {Position(7, 1): KILLS_PROCESS}
    assert starts(store).begin("7:0").reasons == {Position(7, 1): KILLS_PROCESS}
    assert starts(store).begin("TRIM_HORIZON").reasons == {Position(7, 1): KILLS_PROCESS}
    assert starts(store).begin("7:1").reasons == {}


@given(st.lists(st.sampled_from(["begin", "mark", "clear"]), max_size=30))
def test_a_mark_without_evidence_never_condemns(calls: list[str]) -> None:
    """Whatever host stops after a mark, and however often."""
    store = MemoryStore()
    for call in calls:
        process = starts(store)
        if call == "begin":
            state = process.begin("5:0")
            assert state.condemned == ()
        elif call == "mark":
            process.mark(Position(7, 0))
        else:
            process.clear()
    with pytest.raises(ValueError, match="nothing died"):
        starts(store).condemn(Position(7, 0), ())


def test_the_mark_is_durable_until_it_is_settled() -> None:
    """Whoever looks after a death sees what was tried; a verdict takes it away."""
    store = MemoryStore()
    starts(store).begin("5:0")
    starts(store).mark(Position(7, 0))
    assert starts(store).begin("5:0").trying == "7:0"
    state = starts(store).condemn(Position(7, 0), DEATHS)
    assert (state.trying, state.condemned[0].deaths) == (None, DEATHS)
    assert starts(store).condemn(Position(7, 0), DEATHS) == state


def test_racing_processes_lose_no_count(s3: Server) -> None:
    """Two hosts may hold a shard for a while: a refused swap is read again."""
    processes = [Starts(archive_of(s3), "app", "events", SHARD) for _ in range(4)]

    def begin(number: int) -> None:
        until = Patience(lambda _: None, time.monotonic, Silent())
        for at in range(3):
            until.until_done(lambda: processes[number].begin("5:0"))
            until.until_done(lambda at=at: processes[number].condemn(Position(10 * number + at + 6, 0), DEATHS))  # type: ignore[misc]

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = Starts(archive_of(s3), "app", "events", SHARD).begin("5:0")
    assert (state.starts, len(state.condemned)) == (13, 12)


def test_a_damaged_state_parks() -> None:
    """Naming the object, and what to do."""
    store = MemoryStore()
    store.swap(KEY, b"{", None)
    with pytest.raises(Parked, match="damaged") as fault:
        starts(store).begin("5:0")
    assert isinstance(fault.value, Unavailable)
    assert "delete it" in fault.value.remedy


def test_places_have_names() -> None:
    """A checkpoint, or an initial position."""
    assert start_text(Start(Position(5, 1), None)) == "5:1"
    assert start_text(Start(None, "LATEST")) == "LATEST"
