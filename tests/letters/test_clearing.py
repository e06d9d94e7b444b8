"""Letters leave the store only once they are delivered, or because somebody says so."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.letters.clearing import Clearing, redriven
from consumers.letters.letter import ENVELOPE_INVALID, KILLS_PROCESS, Letter
from consumers.letters.reading import Reader, Selection
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Unavailable
from tests.letters.sample import HEAD, NOON_MS, PLACE, SHARD, FailingStore, letter, stored
from tests.memory_store import MemoryStore


class Destination:
    """Takes what is not refused, each position once, however often it comes."""

    def __init__(self, refused: set[int]) -> None:
        self.refused = {letter(n).position for n in refused}
        self.taken: set[Position] = set()
        self.calls = 0

    def __call__(self, shard: str, records: Sequence[Record]) -> list[Letter]:
        assert shard == SHARD
        self.calls += 1
        self.taken |= {one.position for one in records if one.position not in self.refused}
        return [again(one) for one in records if one.position in self.refused]


def again(record: Record) -> Letter:
    """Reject a record as a later version does."""
    number = record.position.sequence - letter(0).position.sequence
    made = letter(number, "still_bad", version="0.2.0")
    return msgspec.structs.replace(made, arrival_ms=record.arrival_ms)


def clearing(letters: DeadLetters) -> Clearing:
    """Go through all there is."""
    return Clearing(letters, Reader(letters), letters.entries(), lambda _: None)


def all_of(_: Letter) -> bool:
    """Leave none out."""
    return True


def positions(letters: Sequence[Letter]) -> set[Position]:
    """Give where they stand."""
    return {one.position for one in letters}


def test_what_passes_goes_and_what_does_not_stays() -> None:
    """An object of which all pass is removed; of another one the rest is left, with the new reason."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(n) for n in range(3)])
    letters.put([letter(n) for n in range(3, 6)])
    work = clearing(letters)
    work.redrive(Destination({4}), all_of)
    assert [(one.position, one.reason, one.version) for one in stored(letters)] == [
        (letter(4).position, "still_bad", "0.2.0")
    ]
    assert (work.tally.objects, work.tally.passed, work.tally.again) == (2, 5, 1)


def test_what_could_not_be_read_passes_once_it_can() -> None:
    """A later version reads it anew from its bytes, key absent and all; what still is no record stays as it is."""
    letters = DeadLetters(MemoryStore(), PLACE)
    element = b'{"sequenceNumber":"%d","data":"e30=","approximateArrivalTimestamp":%d}'
    readable = letter(1, ENVELOPE_INVALID, payload=element % (letter(1).position.sequence, NOON_MS))
    still = letter(2, ENVELOPE_INVALID, payload=b"null", behind=1)
    letters.put([readable, still])
    taken: list[Record] = []
    work = clearing(letters)

    def take(_: str, records: Sequence[Record]) -> list[Letter]:
        taken.extend(records)
        return []

    work.redrive(take, all_of)
    assert taken == [Record(b"{}", None, readable.sequence, NOON_MS)]
    assert stored(letters) == [still]
    assert (work.tally.passed, work.tally.again) == (1, 1)
    clearing(letters).redrive(Destination(set()), all_of)
    assert stored(letters) == [still]


def test_what_is_rejected_for_the_same_reason_stands_as_it_was() -> None:
    """The rest would meet its own key: it must not be removed."""
    letters = DeadLetters(MemoryStore(), PLACE)
    put = [letter(1), letter(2)]
    letters.put(put)
    clearing(letters).redrive(lambda _, records: put, all_of)
    assert stored(letters) == put


@settings(max_examples=200)
@given(
    st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=5), max_size=5),
    st.sets(st.integers(0, 9), max_size=5),
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=4),
)
def test_no_crash_loses_a_letter(calls: list[set[int]], refused: set[int], failures: list[tuple[int, bool]]) -> None:
    """Whatever overlaps, and whichever calls fail: a letter is delivered or there, in the end one of both."""
    store, destination = FailingStore(), Destination(refused)
    letters = DeadLetters(store, PLACE)
    for call in calls:
        letters.put([letter(n) for n in sorted(call)])
    everything = positions(stored(letters))
    for after, answer_lost in [*failures, (10_000, False)]:
        store.fail_at, store.answer_lost = len(store.calls) + after, answer_lost
        with suppress(Unavailable):
            clearing(letters).redrive(destination, all_of)
        assert everything == destination.taken | positions(stored(letters))
    assert positions(stored(letters)) == everything & destination.refused


def test_removing_before_the_rest_stands_would_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same crash, with the two steps the other way round."""

    def replace(self: DeadLetters, key: str, rest: Sequence[Letter]) -> None:
        self.remove(key)
        self.put(rest)

    monkeypatch.setattr(DeadLetters, "replace", replace)
    store, destination = FailingStore(), Destination({2})
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1), letter(2)])
    store.fail_at = 2
    with pytest.raises(Unavailable):
        clearing(letters).redrive(destination, all_of)
    assert letter(2).position not in destination.taken | positions(stored(letters))


def test_a_destination_that_is_away_changes_nothing() -> None:
    """What was done before stays done, and the object that it was at stays as it was."""

    def away(_: str, records: Sequence[Record]) -> list[Letter]:
        if records[0].position == letter(2).position:
            raise Unavailable("no answer")
        return []

    letters = DeadLetters(MemoryStore(), PLACE)
    letters.put([letter(1)])
    letters.put([letter(2)])
    work = clearing(letters)
    with pytest.raises(Unavailable):
        work.redrive(away, all_of)
    assert (work.tally.passed, stored(letters)) == (1, [letter(2)])


def test_what_it_puts_is_not_met_again() -> None:
    """Each object goes through once a run, though its rest sorts behind it."""
    letters, destination = DeadLetters(MemoryStore(), PLACE), Destination(set(range(1, 10)))
    letters.put([letter(n) for n in range(10)])
    clearing(letters).redrive(destination, all_of)
    assert destination.calls == 1


def test_a_killer_is_left_out_unless_it_is_named() -> None:
    """So is a letter of another stream: its identity at the destination would be wrong."""
    killer, other = letter(1, KILLS_PROCESS), letter(2, stream="other")
    named = Selection(reasons=frozenset({KILLS_PROCESS}))
    judged = [redriven(selection, HEAD.stream, it) for selection in (Selection(), named) for it in (killer, other)]
    assert judged == [False, False, True, False]
    assert redriven(Selection(), HEAD.stream, letter(3)) is True


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (Selection(), []),
        (Selection(reasons=frozenset({"b"})), [0, 2, 4]),
        (Selection(shard="shardId-000000000001"), [0, 1, 2, 3, 4]),
        (Selection(positions=frozenset({letter(2).position})), [0, 1, 3, 4]),
    ],
)
def test_purge(selection: Selection, left: list[int]) -> None:
    """Only what is selected goes."""
    letters = DeadLetters(MemoryStore(), PLACE)
    put = [letter(n, "ab"[n % 2]) for n in range(5)]
    letters.put(put[:3])
    letters.put(put[3:])
    clearing(letters).purge(selection)
    assert stored(letters) == [put[n] for n in left]


def test_a_purge_of_hours_takes_damaged_objects_too() -> None:
    """They are not read; other hours stay."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1), letter(2, arrival_ms=NOON_MS + HOUR_MS)])
    first, _ = letters.entries()
    store.objects[first.key] = (b"damaged", {})
    Clearing(letters, Reader(letters), letters.entries(NOON_MS, NOON_MS), lambda _: None).purge(Selection())
    assert [one.position for one in stored(letters)] == [letter(2).position]


def test_the_latest_version_decides_for_all_doubles_of_a_position() -> None:
    """As `list` counts it: purged by its former reason nothing goes, by its present one no double comes to light."""
    letters = DeadLetters(MemoryStore(), PLACE)
    letters.put([letter(1, "json_invalid", version="0.1.0")])
    letters.put([letter(1, "not_object", version="0.2.0"), letter(2, "not_object", version="0.2.0")])
    clearing(letters).purge(Selection(reasons=frozenset({"json_invalid"})))
    assert len(stored(letters)) == 3
    clearing(letters).purge(Selection(reasons=frozenset({"not_object"})))
    assert stored(letters) == []


def test_a_killer_is_left_alone_also_where_a_former_version_gave_another_reason() -> None:
    """Putting that double through would end the command all the same."""
    letters = DeadLetters(MemoryStore(), PLACE)
    letters.put([letter(1, "json_invalid", version="0.1.0")])
    letters.put([letter(1, KILLS_PROCESS, version="0.2.0")])
    destination = Destination(set())
    clearing(letters).redrive(destination, lambda one: redriven(Selection(), HEAD.stream, one))
    assert (destination.calls, len(stored(letters))) == (0, 2)
