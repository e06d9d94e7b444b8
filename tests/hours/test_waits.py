"""What an hour waits for is said, and measured; and another stream's records are not taken for ours."""

import pytest

from consumers.hours.lineage import StreamShard
from consumers.hours.manifest import INCOMPLETE, SUCCESS
from consumers.hours.mark import load
from consumers.metrics import Meter
from consumers.records import HOUR_MS, Record
from tests.hours.test_holes import KEY, Clocked, H, again, marker, play, record
from tests.support.hours import SHARD, OneShard

OTHER = "shardId-000000000001"
TWO = (StreamShard(SHARD, (), 0, 99), StreamShard(OTHER, (), 100, 2**128 - 1))


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """The process's own, which nobody has told anything."""
    meter = Meter()
    monkeypatch.setattr("consumers.hours.overdue.METER", meter)
    return meter


def test_an_hour_that_waits_is_said_with_the_shard_and_measured(meter: Meter) -> None:
    """As a warning after a quarter of an hour, as an error after an hour, no more often than that; with a remedy."""
    store = Clocked()
    shard, behind = OneShard(store, shards=TWO), OneShard(store, shard=OTHER, shards=TWO)
    levels: list[str] = []
    shard.log.warning = lambda event, **_: levels.append(f"warning {event}")  # type: ignore[method-assign]
    shard.log.error = lambda event, **fields: levels.append(f"error {event} {fields['waits_for']}")  # type: ignore[method-assign]
    behind.deliver([record(1)])
    behind.deliver([])
    play(shard, store, range(61 + 14))
    assert levels == []
    play(shard, store, range(75, 61 + 60))
    assert levels == ["warning hour_waits"] * 3
    play(shard, store, range(121, 61 + 89))
    assert levels[3:] == [f"error hour_waits {OTHER}"] * 2
    shard.deliver([])
    meter.delivered(0, 0, shard.now)
    assert 80 * 60 < meter.read(shard.now)["HourWaitSeconds"] < 100 * 60
    assert marker(store, shard) == ("", set())


def test_two_processes_say_it_once() -> None:
    """Whoever looks first says it for all; the next quarter of an hour is anybody's."""
    store = Clocked()
    shard, other = OneShard(store, shards=TWO), OneShard(store, shards=TWO)
    for minute in range(61 + 29):
        store.minute = minute
        for one in (shard, other):
            one.deliver([record(minute)])
            one.idle(10)
    said = [*shard.log.of("hour_waits"), *other.log.of("hour_waits")]
    assert [(one["waits_for"], one["reason"]) for one in said] == [
        (OTHER, f"it waits since 2027-01-15T09:00:00Z for {OTHER}: it has not begun")
    ]


def test_an_hour_that_lasts_waits_for_nobody(meter: Meter) -> None:
    """The measure is 0 as long as every hour is decided in time."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(90))
    meter.delivered(0, 0, shard.now)
    assert meter.read(shard.now)["HourWaitSeconds"] == 0
    assert shard.log.of("hour_waits") == []


def test_a_stream_made_anew_with_higher_numbers_leaves_a_hole_and_is_said() -> None:
    """What the former one held when it was deleted was read by nobody: the hour cannot say that it is complete."""
    store = Clocked()
    play(old := OneShard(store), store, range(20))
    old.deliver([])
    new = OneShard(store)
    play(new, store, range(30, 200))
    assert marker(store, new) == (INCOMPLETE, {"REPLACED"})
    assert marker(store, new, 1) == (SUCCESS, set())
    (said,) = new.log.of("stream_replaced")
    assert "made anew" in str(said["remedy"])


def test_a_lease_table_made_anew_is_no_stream_made_anew() -> None:
    """Reading comes upon what the chain holds, and adopts it."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(20))
    shard.deliver([])
    after = OneShard(store)
    after.deliver([record(n) for n in range(0, 20, 5)])
    play(after, store, range(20, 130))
    assert marker(store, after) == (SUCCESS, set())
    assert after.log.of("stream_replaced") == after.log.of("parked") == []


def test_a_record_of_another_stream_is_not_taken_for_covered() -> None:
    """Its number lies within an object, and it arrived when no record of that did: the shard parks."""
    store = Clocked()
    old = OneShard(store)
    store.minute = 1
    old.deliver([Record(b"x", "k", str(10**55 + n), H + 60_000, 0) for n in range(0, 100, 20)])
    old.idle(1)
    new = OneShard(store, deadline=1.0)
    store.minute = 20
    with pytest.raises(TimeoutError):
        new.deliver([Record(b"y", "k", str(10**55 + 1), H + 20 * 60_000, 0)])
    (said, *_) = new.log.of("parked")
    assert "holds no record of its arrival time" in str(said["reason"])
    assert new.committed is None


def test_a_record_at_the_very_place_of_another_streams_is_not_taken_for_written() -> None:
    """The key is the same, and the conditional write was refused by another stream's object."""
    store = Clocked()
    old, new = OneShard(store), OneShard(store, deadline=1.0)
    for one, minute in ((old, 1), (new, 20)):
        store.minute = minute
        one.deliver([Record(b"x", "k", str(10**55), H + minute * 60_000, 0)])
    old.deliver([])
    with pytest.raises(TimeoutError):
        new.deliver([])
    assert new.log.of("parked")
    assert new.committed is None


def test_a_shard_whose_mark_says_that_it_ended_is_said() -> None:
    """Its successor of the same name is stored, and the hours wait with an alarm, not in silence."""
    store = Clocked()
    child = StreamShard(OTHER, (SHARD,), 0, 2**128 - 1)
    old = OneShard(store, shards=(StreamShard(SHARD, (), 0, 2**128 - 1), child))
    play(old, store, range(10))
    old.pipeline.end(old.now)
    mark, _ = load(store, KEY)
    assert mark
    assert mark.ended
    new = OneShard(store)
    play(new, store, range(65, 200))
    assert marker(store, new) == ("", set())
    assert {str(one["reason"]).rpartition(": ")[2] for one in new.log.of("hour_waits")} == {
        "it has ended, and its children are not listed yet"
    }
    assert again(new, store).committed is None


def test_records_come_in_an_hour_that_waits() -> None:
    """Waiting holds up markers alone."""
    store = Clocked()
    shard = OneShard(store, shards=TWO)
    play(shard, store, range(0, 3 * 60, 5))
    assert sum(said["records"] for said in shard.log.of("object_written")) >= 3 * HOUR_MS // 300_000 - 2  # type: ignore[misc]
