"""What cannot be read is kept whole, once, before anything behind it is committed."""

import itertools
import json
from collections.abc import Sequence

import pytest

from consumers.envelope import Delivery, read
from consumers.letters.aside import SetAside
from consumers.letters.breaker import Breaker
from consumers.letters.letter import ENVELOPE_INVALID, Letter, StillUnreadable, line_of
from consumers.letters.reading import Reader
from consumers.letters.store import DeadLetters
from consumers.records import Position, Record
from consumers.waiting import Unavailable
from tests.core.test_envelope import PUT_MS, REAL
from tests.letters.sample import HEAD, NOON_MS, PLACE, FailingStore, record
from tests.memory_store import MemoryStore
from tests.support.fake_daemon import wire
from tests.support.staging import Heard

GARBLED = b'{"data":"!","sequenceNumber":"%s","approximateArrivalTimestamp":%d}'


class World:
    """A shard's letters, and what was noted."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.letters = DeadLetters(store or MemoryStore(), PLACE)
        self.heard = Heard()
        self.noted: list[tuple[int | None, int | None]] = []
        self.permitted = False

    def allowed(self, *, stuck: bool = False) -> bool:
        return self.permitted

    def process(self, checkpoint: Position | None = None) -> SetAside:
        """Begin a process."""
        return SetAside(
            self.letters, HEAD, self, self.heard, checkpoint, lambda *times: self.noted.append(times), Breaker(100)
        )

    def kept(self) -> list[Letter]:
        """Each letter once, as the commands see them."""
        return [*Reader(self.letters).distinct(self.letters.entries())]


def delivery(*elements: bytes | Record) -> Delivery:
    """Read a delivery of records and of bytes that are none."""
    return read(one if isinstance(one, bytes) else json.dumps(wire(one)).encode() for one in elements)


def play(aside: SetAside, deliveries: Sequence[Delivery]) -> None:
    """Take deliveries, one after the other."""
    delivered = None
    for one in deliveries:
        aside.take(one.unreadable, len(one.records), delivered)
        if one.records:
            delivered = one.records[-1].position


def test_it_is_a_letter_with_its_bytes() -> None:
    """At its own position where that could be read, with its arrival; the hour follows from it."""
    world = World()
    raw = GARBLED % (record(1).sequence_number.encode(), NOON_MS)
    play(world.process(), [delivery(record(0), raw, record(2))])
    (letter,) = world.kept()
    assert (letter.payload, letter.reason, letter.position) == (raw, ENVELOPE_INVALID, record(1).position)
    assert (letter.arrival_ms, letter.partition_key) == (NOON_MS, None)
    assert b"behind" not in line_of(letter)
    assert world.noted == [(NOON_MS, NOON_MS + 1)]
    (said,) = world.heard.of("record_set_aside")
    assert said["positions"] == [str(record(1).position)]
    assert said["kept"] == [entry.key for entry in world.letters.entries()]
    assert "hunter" not in str(said)
    with pytest.raises(StillUnreadable):
        letter.record()


def test_without_a_place_it_stands_behind_the_record_before_it() -> None:
    """And with none before it in the shard, behind 0:0. Its arrival is not known, and its neighbours bound it."""
    world = World()
    play(world.process(), [delivery(b"1"), delivery(record(0), b"2", b"2", record(1, arrival_ms=NOON_MS + 9))])
    first, second, third = world.kept()
    assert (first.position, first.behind, first.payload) == (Position(0, 0), 1, b"1")
    assert [(one.position, one.behind) for one in (second, third)] == [(record(0).position, 1), (record(0).position, 2)]
    assert {one.arrival_ms for one in (first, second, third)} == {0}
    assert world.noted == [(None, None), (NOON_MS, NOON_MS + 10), (NOON_MS, NOON_MS + 10)]
    assert world.heard.of("record_set_aside")[0]["positions"] == ["behind 0:0"]


def test_a_number_that_holds_its_second_dates_it() -> None:
    """Also what stands behind such a record, so that it is found among the letters of its hour."""
    world = World()
    real = Record(b"", None, REAL, PUT_MS + 987)
    play(world.process(), [delivery(b'{"data":"!","sequenceNumber":"%s"}' % REAL.encode()), delivery(real, b"1")])
    assert [one.arrival_ms for one in world.kept()] == [PUT_MS, PUT_MS]
    assert world.noted[0] == (PUT_MS, PUT_MS + 3000)


ELEMENTS: list[bytes | Record] = [b"a", record(0), b"b", b"b", record(1), record(2), b"c", b"d"]


@pytest.mark.parametrize("cuts", [*itertools.combinations(range(1, len(ELEMENTS)), 2)])
def test_however_a_shard_is_delivered_each_is_kept_once(cuts: tuple[int, int]) -> None:
    """Deliveries are cut anywhere, a new process begins at any record, and each finds the letters that stand."""
    world = World()
    first, second = cuts
    parts = [ELEMENTS[:first], ELEMENTS[first:second], ELEMENTS[second:]]
    play(world.process(), [delivery(*part) for part in parts])
    assert [one.payload for one in world.kept()] == [b"a", b"b", b"b", b"c", b"d"]
    for at, one in enumerate(ELEMENTS):
        if isinstance(one, Record):
            play(world.process(one.position), [delivery(*ELEMENTS[at + 1 :])])
    assert len(list(world.letters.entries())) <= 5 * len(ELEMENTS)
    assert [one.payload for one in world.kept()] == [b"a", b"b", b"b", b"c", b"d"]


def test_what_kcl_delivers_again_is_kept_already() -> None:
    """A read that is repeated begins anywhere in what came before."""
    world = World()
    play(
        world.process(),
        [delivery(record(0), b"a", record(1), b"b"), delivery(b"a", record(1)), delivery(record(1), b"b", record(2))],
    )
    assert [one.payload for one in world.kept()] == [b"a", b"b"]


def test_a_bucket_that_is_away_is_waited_for() -> None:
    """The same call is repeated, and stores nothing twice."""
    store = FailingStore()
    world = World(store)
    aside = world.process()
    found = delivery(b"a", record(0), b"b")
    for store.fail_at, store.answer_lost in ((0, False), (1, True)):
        with pytest.raises(Unavailable):
            aside.take(found.unreadable, 1, None)
    store.fail_at = None
    aside.take(found.unreadable, 1, None)
    assert [one.payload for one in world.kept()] == [b"a", b"b"]
    assert len(world.heard.of("record_set_aside")) == 1


def test_a_stream_that_nobody_can_read_is_not_poured_away() -> None:
    """A daemon that speaks another protocol is one mistake: the shard waits, until an operator has looked."""
    world = World()
    aside = world.process()
    found = delivery(*[b"%d" % n for n in range(100)])
    with pytest.raises(Unavailable, match="paused") as fault:
        aside.take(found.unreadable, 0, None)
    assert fault.value.operator
    assert world.kept() == []
    world.permitted = True
    aside.take(found.unreadable, 0, None)
    assert len(world.kept()) == 100
    world.permitted = False
    aside.take((), 50, None)  # what can be read goes on
