"""What is named by a mark, a fence or the list of shards, and stands nowhere, leaves no hour complete."""

import pytest

from consumers.hours.lineage import StreamShard
from consumers.hours.manifest import INCOMPLETE, SUCCESS
from consumers.hours.mark import load
from consumers.parts import Start
from consumers.records import HOUR_MS, Position
from tests.hours.test_holes import CHILDREN, KEY, Clocked, H, again, marker, objects, play, record
from tests.support.hours import SHARD, OneShard

C1, C2 = CHILDREN[1].shard, CHILDREN[2].shard
GRANDCHILD = StreamShard("shardId-000000000003", (C1,), 0, 2**127 - 1)


@pytest.mark.parametrize("noted", [True, False], ids=["the mark names the last", "the mark names the first"])
def test_objects_on_both_sides_of_an_hour_are_missed_by_a_successor(*, noted: bool) -> None:
    """The last of an hour and the first of the next are gone: nothing that stands follows the one of the hour."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(58))
    store.minute = 59.8
    shard.deliver([record(59)])
    shard.idle(10)
    store.minute = 60.3
    shard.idle(12)
    before, body = store.find(KEY), load(store, KEY)[0]
    assert before
    assert body
    assert body.sealed_to_ms == H
    store.minute = 60.6
    shard.deliver([record(60, H + HOUR_MS + 20_000)])
    shard.deliver([])
    if noted:
        shard.idle(12)
        store.minute = 60.9
    else:
        found = store.find(KEY)
        assert found
        store.swap(KEY, before.body, found.version)
    for key in objects(store)[-2:]:
        store.remove(key)
    later = again(shard, store)
    play(later, store, range(61, 190))
    name, reasons = marker(store, shard)
    assert (name, "MISSING" in reasons) == (INCOMPLETE, True)
    assert marker(store, shard, 1)[0] == INCOMPLETE
    assert marker(store, shard, 2) == (SUCCESS, set())
    assert later.log.of("chain_broken")


def test_a_process_that_dies_at_its_first_object_leaves_a_skip_to_its_successor() -> None:
    """No mark stood, so that none says it: the object behind the skip does not prove that something ends there."""

    class Mortal(Clocked):
        dead = True

        def swap(self, key: str, body: bytes, version: str | None) -> str | None:
            if self.dead and "/marks/" in key:
                raise InterruptedError
            return super().swap(key, body, version)

    store = Mortal()
    forward = Start(Position(10**55 + 3, 0), None)
    store.minute = 10
    with pytest.raises(InterruptedError):
        OneShard(store, start=forward).deliver([record(n) for n in range(4, 10)])
    assert len(objects(store)) == 1
    store.dead = False
    later = OneShard(store, start=forward)
    later.deliver([record(n) for n in range(4, 10)])
    play(later, store, range(11, 130))
    assert marker(store, later) == (INCOMPLETE, {"CHECKPOINT"})


def test_what_a_fence_closes_is_missing_in_each_of_its_hours() -> None:
    """The first start saw a record, and died; the stream has kept less than it was said to keep."""
    store = Clocked()
    store.minute = 5
    OneShard(store).deliver([record(1)])
    again_begun = OneShard(store)
    store.minute = 130
    again_begun.deliver([record(125)])
    play(again_begun, store, range(131, 260))
    assert again_begun.log.of("records_not_archived")
    for hour in (0, 1, 2):
        assert marker(store, again_begun, hour) == (INCOMPLETE, {"FENCED"})
    assert marker(store, again_begun, 3) == (SUCCESS, set())


def test_a_fence_whose_writer_died_is_no_end_of_a_chain() -> None:
    """A start that is repeated once more finds the fence, and begins where the one before did: nothing is replaced."""
    store = Clocked()
    store.minute = 5
    OneShard(store).deliver([record(1)])
    store.minute = 30
    OneShard(store).deliver([record(25)])
    third = OneShard(store)
    third.deliver([record(25)])
    play(third, store, range(31, 130))
    assert marker(store, third) == (INCOMPLETE, {"FENCED"})
    assert not third.log.of("stream_replaced")


def test_a_record_that_the_grace_waits_for_may_be_skipped_too() -> None:
    """A watermark is in the next hour already, and the hour before is not sealed: what was skipped may be of it."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(58))
    store.minute = 60.4
    shard.idle(20)
    mark = load(store, KEY)[0]
    assert mark
    assert mark.watermark_ms > H + HOUR_MS > mark.sealed_to_ms
    forward = OneShard(store, start=Start(Position(10**55 + 61, 0), None))
    play(forward, store, range(62, 190))
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})


def test_a_skipped_record_may_have_arrived_after_the_first_that_is_read() -> None:
    """Arrival times run back within the grace: the hour after the first record's may lack one too."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(50))
    forward = OneShard(store, start=Start(Position(10**55 + 58, 0), None))
    store.minute = 61
    forward.deliver([record(59, H + 59 * 60_000 + 30_000)])
    play(forward, store, range(62, 190))
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 1) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 2) == (SUCCESS, set())


@pytest.mark.parametrize("read", [True, False])
def test_a_child_that_was_passed_over_is_missing(*, read: bool) -> None:
    """Its checkpoint was set to its end before it began: its own children are read, and nobody has read it."""
    shards = (*CHILDREN, GRANDCHILD)
    store = Clocked()
    parent = OneShard(store, shards=shards)
    play(parent, store, range(30))
    parent.pipeline.end(parent.now)
    children = [OneShard(store, shard=name, shards=shards) for name in ([C1, C2] if read else [C2])]
    for minute in range(30, 70):
        store.minute = minute
        for child in children:
            child.deliver([record(minute)])
    if read:
        children[0].pipeline.end(children[0].now)
    others: list[OneShard] = [children[-1], OneShard(store, shard=GRANDCHILD.shard, shards=shards)]
    for minute in range(70, 270):
        store.minute = minute
        for child in others:
            child.deliver([record(minute)])
            child.idle(10)
    found = [marker(store, parent, hour) for hour in range(4)]
    whole = (SUCCESS, set[str]())
    skipped = (INCOMPLETE, {"CHECKPOINT"})
    assert found == ([whole] * 4 if read else [skipped, skipped, whole, whole])


def test_a_shard_that_ended_before_reading_began_is_no_hole() -> None:
    """A first start at LATEST has leases for the open shards alone: nobody was to read the closed ones."""
    store = Clocked()
    child = OneShard(store, shard=C1, shards=CHILDREN, start=Start(None, "LATEST"))
    other = OneShard(store, shard=C2, shards=CHILDREN, start=Start(None, "LATEST"))
    for minute in range(190):
        store.minute = minute
        for one in (child, other):
            one.deliver([record(minute)] if minute else [])
            one.idle(10)
    assert [marker(store, child, hour) for hour in (1, 2)] == [(SUCCESS, set())] * 2
    assert SHARD not in {one.shard for one in (child, other)}
