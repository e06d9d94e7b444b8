"""What is put is durable, once, under a key that tells what is in it; in memory and on both S3 servers."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.letters.letter import DamagedLetters, Letter
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS, Position
from consumers.s3.store import S3Store
from consumers.waiting import Unavailable
from tests.conftest import empty_bucket
from tests.letters.sample import FIRST_SEQUENCE, NOON_MS, PLACE, SHARD, FailingStore, letter, stored
from tests.memory_store import MemoryStore
from tests.support.archive import archive_of
from tests.support.servers import Server

KEY = (
    "dead-letters/app/dt=2026-01-31/hour=12/player-events.shardId-000000000000."
    "49600000000000000000000000000000000000000000000000000001-0000000000."
)


@pytest.fixture(params=["memory", "moto", "versitygw"])
def store(request: pytest.FixtureRequest) -> S3Store | MemoryStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryStore()
    server: Server = request.getfixturevalue("aws" if request.param == "moto" else "disk")
    empty_bucket(server)
    return archive_of(server)


def test_a_call_is_an_object(store: S3Store) -> None:
    """Its key tells hour, stream, shard and first position; it is found, read and removed by that key."""
    letters = DeadLetters(store, PLACE)
    put = [letter(n) for n in range(1, 5)]
    letters.put(put)
    (entry,) = letters.entries()
    assert entry.key.startswith(KEY)
    assert len(entry.key) == len(KEY) + 16 + len(".ndjson.gz")
    assert entry[2:] == (NOON_MS, "player-events", SHARD, Position(FIRST_SEQUENCE + 1, 0))
    assert letters.read(entry.key) == put
    letters.remove(entry.key)
    assert letters.read(entry.key) is None
    assert list(letters.entries()) == []


def test_the_same_letters_are_stored_once(store: S3Store) -> None:
    """A crash before the checkpoint brings them again."""
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1), letter(2)])
    letters.put([letter(1), letter(2)])
    assert len(list(letters.entries())) == 1


def test_another_extent_never_meets_the_same_key(store: S3Store) -> None:
    """A batch that begins at the same record and holds other letters is no reason to lose them."""
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1), letter(2)])
    letters.put([letter(1), letter(3)])
    assert {one.position.sequence - FIRST_SEQUENCE for one in stored(letters)} == {1, 2, 3}


def test_nothing_is_no_object() -> None:
    """No request either."""
    store = FailingStore()
    DeadLetters(store, PLACE).put([])
    assert store.calls == []


def test_objects_are_cut() -> None:
    """What would be too large becomes several; a letter that is larger alone still is one."""
    letters = DeadLetters(MemoryStore(), PLACE, max_bytes=1_000)
    put = [letter(n) for n in range(9)] + [letter(9, payload=bytes(5_000))]
    letters.put(put)
    sizes = [len(letters.read(entry.key) or ()) for entry in letters.entries()]
    assert sizes == [3, 3, 3, 1]
    assert stored(letters) == put


def test_hours_are_exact() -> None:
    """A batch of a quiet shard may span hours: each letter is found in that of its arrival."""
    letters = DeadLetters(MemoryStore(), PLACE)
    put = [letter(n, arrival_ms=NOON_MS + n * HOUR_MS // 2) for n in range(100)]
    letters.put(put)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(30):
        first, last = sorted(NOON_MS + chance.randrange(50) * HOUR_MS for _ in range(2))
        found = [one for entry in letters.entries(first, last) for one in letters.read(entry.key) or ()]
        assert found == [one for one in put if first <= one.arrival_ms < last + HOUR_MS]


def test_years_are_one_listing() -> None:
    """Far hours cost no request a day, and none is forgotten."""
    letters = DeadLetters(MemoryStore(), PLACE)
    put = [letter(n, arrival_ms=NOON_MS + n * 40 * 24 * HOUR_MS) for n in range(5)]
    letters.put(put)
    after = letters.entries(NOON_MS + 1 * HOUR_MS, NOON_MS + 3 * 40 * 24 * HOUR_MS)
    assert [letters.read(entry.key) for entry in after] == [[one] for one in put[1:4]]


def test_what_is_not_ours_is_passed_over() -> None:
    """Another application's letters, and whatever else lies there."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1)])
    DeadLetters(store, PLACE._replace(application="app-2")).put([letter(2)])
    for strange in ("readme.txt", "dt=2026-01-31/hour=12/_SUCCESS", f"dt=2026-13-31/hour=12/{KEY.rpartition('/')[2]}"):
        store.put_new(f"dead-letters/app/{strange}", b"", {}, b"")
    assert stored(letters) == [letter(1)]


@pytest.mark.parametrize("stream", ["a.b-c_d", "a.shardId-000000000001", "0.1"])
def test_a_stream_may_have_dots(stream: str) -> None:
    """The key is taken apart all the same."""
    letters = DeadLetters(MemoryStore(), PLACE)
    letters.put([letter(1, stream=stream)])
    assert [(entry.stream, entry.shard) for entry in letters.entries()] == [(stream, SHARD)]


def test_an_altered_object_is_named() -> None:
    """Also where it is good gzip and good JSON: the key has the digest of what was stored. The text holds no data."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1)])
    letters.put([letter(2)])
    first, second = (entry.key for entry in letters.entries())
    store.objects[first] = store.objects[second]
    store.objects[second] = (b"n: 2", {})
    for key in (first, second):
        with pytest.raises(DamagedLetters, match="Remedy: restore") as fault:
            letters.read(key)
        assert key in str(fault.value)
        assert "n: 2" not in str(fault.value)


@pytest.mark.parametrize("answer_lost", [False, True])
def test_put_is_repeated_whole(*, answer_lost: bool) -> None:
    """Whichever call fails, before or after it took effect: said so, and once repeated all of it stands once."""
    put = [letter(n) for n in range(9)]
    for fail_at in range(20):
        store = FailingStore()
        store.fail_at, store.answer_lost = fail_at, answer_lost
        letters = DeadLetters(store, PLACE, max_bytes=1_000)
        try:
            letters.put(put)
            assert stored(letters) == put
            break
        except Unavailable:
            letters.put(put)
        assert stored(letters) == put
    assert fail_at > 2


@given(st.sets(st.integers(0, 8), min_size=1), st.data())
def test_replace_never_loses_the_rest(numbers: set[int], data: st.DataObject) -> None:
    """Cut short at any call it leaves doubles at the most; repeated, it leaves the rest alone. Also if that is all."""
    put = [letter(n) for n in sorted(numbers)]
    rest = [one for one in put if data.draw(st.booleans())]
    store = FailingStore()
    letters = DeadLetters(store, PLACE)
    letters.put(put)
    (entry,) = letters.entries()
    store.fail_at, store.answer_lost = len(store.calls) + data.draw(st.integers(0, 2)), data.draw(st.booleans())
    try:
        letters.replace(entry.key, rest)
    except Unavailable:
        assert positions(rest) <= positions(stored(letters)) <= positions(put)
        letters.replace(entry.key, rest)
    assert stored(letters) == rest


def test_what_was_removed_stays_removed(store: S3Store) -> None:
    """Who copies letters that were here before brings none back; of others, or where none were, each is stored."""
    letters = DeadLetters(store, PLACE)
    put = [letter(1), letter(2)]
    letters.put_once(put)
    assert stored(letters) == put
    (entry,) = letters.entries()
    letters.remove(entry.key)
    letters.remove(entry.key)
    assert letters.were_here(put)
    letters.put_once(put)
    assert list(letters.entries()) == []
    assert not letters.were_here([letter(3)])
    letters.put_once([letter(3)])
    assert stored(letters) == [letter(3)]


def test_a_record_that_is_rejected_anew_has_its_letter(store: S3Store) -> None:
    """A rewind, or a crash before the checkpoint, brings a record again: its letter stands, though it was removed."""
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1)])
    (entry,) = letters.entries()
    letters.remove(entry.key)
    letters.put([letter(1)])
    assert stored(letters) == [letter(1)]


def test_the_rest_of_an_object_stands_where_the_same_was_removed() -> None:
    """Two objects hold a letter; it is removed from the one, and then left over in the other: it stands."""
    letters = DeadLetters(MemoryStore(), PLACE)
    letters.put([letter(1)])
    (entry,) = letters.entries()
    letters.remove(entry.key)
    letters.put([letter(1), letter(2)])
    (entry,) = letters.entries()
    letters.replace(entry.key, [letter(1)])
    assert stored(letters) == [letter(1)]


def test_what_is_left_is_nothing_to_any_tool() -> None:
    """Gzip of nothing: whoever unpacks a whole folder reads no letter, and meets no error."""
    store = MemoryStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1)])
    (entry,) = letters.entries()
    letters.remove(entry.key)
    assert gzip.decompress(store.objects[entry.key][0]) == b""


def test_a_letter_is_not_stored_by_a_refusal_alone() -> None:
    """Whoever is told that the key exists, and then finds no object there, goes on waiting."""
    store = MemoryStore()
    store.put_new = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        DeadLetters(store, PLACE).put([letter(1)])


def test_replace_that_removes_first_would_lose() -> None:
    """The control: the other way round, a failure between the calls is a loss."""
    store = FailingStore()
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1), letter(2)])
    (entry,) = letters.entries()
    store.fail_at = 2
    letters.remove(entry.key)
    with pytest.raises(Unavailable):
        letters.put([letter(2)])
    assert stored(letters) == []


def positions(letters: list[Letter]) -> set[Position]:
    """Give where they stand."""
    return {one.position for one in letters}
