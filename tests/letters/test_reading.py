"""A dead letter is identified by its position: whoever reads counts it once."""

from unittest.mock import Mock

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.letters.letter import DamagedLetters, Letter, unique
from consumers.letters.reading import Reader, Selection
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS
from tests.letters.sample import NOON_MS, PLACE, letter, letters_of_a_shard
from tests.memory_store import MemoryStore


def test_the_later_version_stands() -> None:
    """Versions are compared as numbers, whatever the order in which they are read; of one version, the last."""
    old, new = letter(1, "a", version="0.9.0"), letter(1, "b", version="0.10.0")
    assert unique([old, new]) == unique([new, old]) == [new]
    assert unique([letter(1, "a"), letter(1, "b")]) == [letter(1, "b")]


def test_shards_do_not_share_positions() -> None:
    """The same number in another shard, or as another part of an aggregate, is another record."""
    letters = [letter(1), letter(1, shard="shardId-000000000001"), letter(1, sub=1)]
    assert len(unique(letters)) == 3


@settings(max_examples=200)
@given(st.lists(st.lists(letters_of_a_shard, min_size=1, max_size=6), max_size=8))
def test_objects_that_overlap_in_any_way_count_once(calls: list[list[Letter]]) -> None:
    """Any sequence of puts, with doubles and overlaps, reads as its letters by position, in order."""
    letters = DeadLetters(MemoryStore(), PLACE)
    for call in calls:
        letters.put(call)
    told = list(Reader(letters).distinct(letters.entries()))
    assert [one.position for one in told] == sorted({one.position for call in calls for one in call})
    newest = {one.position: one.version for one in unique([one for call in calls for one in call])}
    assert {one.position: one.version for one in told} == newest


def test_little_is_held_at_once() -> None:
    """Each object is given out before the next but one is read: a bad day does not fit into memory."""
    letters = DeadLetters(MemoryStore(), PLACE)
    for n in range(0, 100, 10):
        letters.put([letter(n + k) for k in range(10)])
    spied = Mock(wraps=letters)
    read = []
    for told, _ in enumerate(Reader(spied).distinct(letters.entries())):
        read.append(10 * spied.read.call_count - told)
    assert max(read) <= 20


def test_what_is_damaged_or_gone_hides_nothing_else() -> None:
    """It is named, once; what was removed meanwhile is not even that."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    for n in range(3):
        letters.put([letter(n, arrival_ms=NOON_MS + n * HOUR_MS)])
    entries = list(letters.entries())
    store.objects[entries[0].key] = (b"damaged", {})
    store.remove(entries[1].key)
    reader = Reader(letters)
    assert [one.position for one in reader.distinct(entries)] == [letter(2).position]
    (fault,) = reader.damaged
    assert isinstance(fault, DamagedLetters)
    assert entries[0].key in str(fault)


def test_selection() -> None:
    """Each condition narrows, and none narrows nothing."""
    one, other = letter(1, "a"), letter(2, "b", shard="shardId-000000000001")
    cases = (
        Selection(),
        Selection(shard=one.shard),
        Selection(reasons=frozenset({"a", "c"})),
        Selection(positions=frozenset({other.position})),
        Selection(shard=one.shard, reasons=frozenset({"b"})),
    )
    held = [[selection.holds(it) for it in (one, other)] for selection in cases]
    assert held == [[True, True], [True, False], [True, False], [False, True], [False, False]]
