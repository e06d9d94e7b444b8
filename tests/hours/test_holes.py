"""No hour says `_SUCCESS` over what the chain names and nobody holds; and none says otherwise without a reason."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from consumers.chain.store import Entry
from consumers.hours.lineage import StreamShard
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Note
from consumers.hours.mark import Mark, load, mark_key
from consumers.hours.stored import note_at
from consumers.parts import Start
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Unavailable
from tests.memory_store import MemoryStore
from tests.support.hours import SHARD, OneShard

H = 1_800_000_000_000 // HOUR_MS * HOUR_MS
KEY = mark_key("app", "events", SHARD)
CHILDREN = (
    StreamShard(SHARD, (), 0, 2**128 - 1),
    StreamShard("shardId-000000000001", (SHARD,), 0, 2**127 - 1),
    StreamShard("shardId-000000000002", (SHARD,), 2**127, 2**128 - 1),
)


def record(n: int, arrival_ms: int | None = None) -> Record:
    """Make the record of a minute: its number says when it arrived, unless told otherwise."""
    return Record(b"x", "k", str(10**55 + n), H + n * 60_000 if arrival_ms is None else arrival_ms, 0)


class Clocked(MemoryStore):
    """A bucket whose time is set, by the minute after H."""

    def __init__(self) -> None:
        super().__init__()
        self.minute = 0.0
        self.clock_ms = lambda: H + self.minute * 60_000


def play(shard: OneShard, store: Clocked, minutes: range, every: int = 5) -> None:
    """Let time pass, with a record each five minutes; each delivery writes what came before it."""
    for minute in minutes:
        store.minute = minute
        shard.deliver([record(minute)] if minute % every == 0 else [])
        shard.idle(10)


def again(shard: OneShard, store: Clocked, **but: object) -> OneShard:
    """Take the lease at what was committed, in a new process."""
    return OneShard(store, start=Start(shard.committed, None), **but)  # type: ignore[arg-type]


def objects(store: MemoryStore) -> list[str]:
    """Give the keys of the objects that stand."""
    return [key for key in store.objects if key.startswith("raw/") and "/_" not in key]


def marker(store: MemoryStore, shard: OneShard, hour: int = 0) -> tuple[str, set[str]]:
    """Give an hour's marker, and the reasons in it."""
    folder = shard.hours.layout.folder(H + hour * HOUR_MS)
    for name in (SUCCESS, INCOMPLETE):
        note: Note | None = note_at(store, f"{folder}{name}")
        if note:
            return name, {hole.reason for hole in note.holes}
    return "", set()


@pytest.mark.parametrize("which", [0, 4, -1], ids=["the first", "one between", "the last"])
@pytest.mark.parametrize("restarts", [False, True])
def test_an_object_that_is_gone_before_its_hour_is_sealed_is_a_hole(which: int, *, restarts: bool) -> None:
    """Whether its writer still runs, which has missed it, or another one reads what the next object follows."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(57))
    gone = objects(store)[which]
    store.remove(gone)
    later = again(shard, store) if restarts else shard
    play(later, store, range(57, 130))
    assert marker(store, shard) == (INCOMPLETE, {"MISSING"})
    assert marker(store, shard, 1) == (SUCCESS, set())
    assert [said["remedy"] for said in later.log.of("chain_broken")]
    assert later.log.of("hour_incomplete")


def test_a_hole_is_found_though_each_tenth_listing_fails() -> None:
    """What follows it is looked for in two days of hours: what was answered is not asked again."""

    class Failing(Clocked):
        listed = 0

        def list(self, prefix: str) -> Iterator[Entry]:
            self.listed += 1
            if self.listed % 10 == 0:
                reason = "down"
                raise Unavailable(reason)
            return super().list(prefix)

    store = Failing()
    shard = OneShard(store)
    play(shard, store, range(40))
    store.remove(objects(store)[2])
    later = again(shard, store)
    play(later, store, range(40, 130))
    assert marker(store, shard) == (INCOMPLETE, {"MISSING"})


def test_an_object_that_was_never_stored_is_a_hole() -> None:
    """What answers for the store may lie: what the process has written has to be listed."""

    class Forgetful(Clocked):
        left = 4

        def put_new(self, key: str, *rest: object) -> bool:
            if "/_" not in key and key.startswith("raw/"):
                self.left -= 1
                if not self.left:
                    return True
            return super().put_new(key, *rest)  # type: ignore[arg-type]

    store = Forgetful()
    shard = OneShard(store)
    play(shard, store, range(130))
    assert marker(store, shard) == (INCOMPLETE, {"MISSING"})
    assert len(shard.log.of("chain_broken")) == 1


def test_an_object_that_stands_and_is_not_listed_is_waited_for() -> None:
    """A bucket that contradicts itself proves nothing: no hour is sealed, and an operator is told."""

    class Blind(Clocked):
        hidden = ""

        def list(self, prefix: str) -> Iterator[Entry]:
            return (entry for entry in super().list(prefix) if entry.key != self.hidden)

    store = Blind()
    shard = OneShard(store)
    play(shard, store, range(30))
    store.hidden = objects(store)[2]
    play(shard, store, range(30, 130))
    assert marker(store, shard) == ("", set())
    assert "contradicts itself" in str(shard.log.of("watermark_later")[-1]["reason"])
    store.hidden = ""
    play(shard, store, range(130, 132))
    assert marker(store, shard) == (SUCCESS, set())


def test_a_checkpoint_that_was_set_forward_leaves_holes_and_says_so() -> None:
    """The hours of what was skipped are incomplete, and the next object declares it; the hours after are whole."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(56))
    shard.deliver([])
    forward = OneShard(store, start=Start(Position(10**55 + 70, 0), None))
    play(forward, store, range(71, 260))
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 1) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 2) == (SUCCESS, set())
    (said,) = forward.log.of("records_skipped")
    assert (said["from_ms"], said["to_ms"]) == (H + 55 * 60_000, H + 71 * 60_000)
    assert [store.objects[key][1]["origin"] for key in objects(store)].count("CHECKPOINT") == 1


def test_a_checkpoint_that_was_set_forward_is_seen_where_nothing_follows() -> None:
    """Empty reads prove that nothing waits, and not that nothing was skipped."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(56))
    shard.deliver([])
    forward = OneShard(store, start=Start(Position(10**55 + 59, 0), None))
    play(forward, store, range(60, 130), every=1000)
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 1)[0] in {SUCCESS, INCOMPLETE}


def test_a_checkpoint_that_was_set_forward_is_seen_where_the_shard_ends() -> None:
    """A lease may begin at the end of its shard: what was skipped is missing all the same."""
    store = Clocked()
    shard = OneShard(store, shards=CHILDREN)
    play(shard, store, range(56))
    forward = OneShard(store, start=Start(Position(10**55 + 58, 0), None), shards=CHILDREN)
    store.minute = 130
    forward.pipeline.end(forward.now)
    assert load(store, KEY)[0].ended  # type: ignore[union-attr]
    assert [gap.reason for gap in load(store, KEY)[0].gaps][-1:] == ["CHECKPOINT"]  # type: ignore[union-attr]
    assert len(forward.log.of("records_skipped")) == 1


def test_the_only_object_is_missed_though_its_writer_died_before_it_took_note() -> None:
    """The mark says that nothing stood; the checkpoint says that something did."""
    store = Clocked()
    shard = OneShard(store)
    shard.deliver([])
    shard.idle()
    mark = load(store, KEY)[0]
    assert mark
    assert mark.tail is None
    store.minute = 5
    shard.deliver([record(n) for n in range(6)])
    (key,) = objects(store)
    store.remove(key)
    standing = store.find(KEY)
    assert standing
    store.swap(KEY, msgspec.json.encode(mark), standing.version)
    later = OneShard(store, start=Start(Position(10**55 + 5, 0), None))
    play(later, store, range(10, 130))
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})


def test_a_stream_made_anew_whose_numbers_begin_lower_is_seen_by_its_arrivals() -> None:
    """Its first record lies before the end of the chain, and arrived after all that the chain holds."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(56))
    anew = OneShard(store)
    store.minute = 80
    anew.deliver([record(3, H + 80 * 60_000)])
    assert len(anew.log.of("stream_replaced")) == 1


def test_a_checkpoint_of_somebody_else_leaves_its_hour_incomplete() -> None:
    """An application that ran with another consumer has a checkpoint, and nothing of ours stands before it."""
    store = Clocked()
    shard = OneShard(store, start=Start(Position(10**55 + 30, 0), None))
    play(shard, store, range(31, 190))
    assert marker(store, shard) == (INCOMPLETE, {"CHECKPOINT"})
    assert marker(store, shard, 1) == (SUCCESS, set())
    assert len(shard.log.of("records_skipped")) == 1


def dies(shard: OneShard, store: Clocked) -> OneShard:
    """Take the lease after a crash."""
    return again(shard, store)


def drains(shard: OneShard, store: Clocked) -> OneShard:
    """Take the lease after a drain: the last object is of after the last mark."""
    assert shard.pipeline.drain(shard.now, shard.now + 10)
    shard.committed = shard.pipeline.durable or shard.committed
    return again(shard, store)


def follows_a_former_version(shard: OneShard, store: Clocked) -> OneShard:
    """Take the lease from a worker that knows no tail, and drops what it does not know."""
    mark, version = load(store, KEY)
    assert mark
    former = msgspec.structs.replace(mark, tail=None, anchor=None)
    store.swap(KEY, msgspec.json.encode(former), version)
    return again(shard, store)


def is_set_back(shard: OneShard, store: Clocked) -> OneShard:
    """Take the lease at a checkpoint that an operator has set back, into an object."""
    return OneShard(store, start=Start(Position(10**55 + 7, 0), None))


@pytest.mark.parametrize("moves", [dies, drains, follows_a_former_version, is_set_back])
@pytest.mark.parametrize("quiet", [0, 3 * 24 * 60], ids=["busy", "quiet for days"])
def test_a_healthy_chain_has_no_holes(moves: Callable[[OneShard, Clocked], OneShard], quiet: int) -> None:
    """However a lease moves, and however long ago the object was that the next one follows."""
    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(58))
    first = moves(shard, store)
    if moves is is_set_back:
        first.deliver([record(n) for n in range(10, 60, 5)])
        first.deliver([])
    play(first, store, range(58, 62))
    for hour in range(1, quiet // 60):
        store.minute = 62 + hour * 60
        first.idle(10)
    begin = 62 + quiet
    second = moves(first, store) if moves is not is_set_back else again(first, store)
    play(second, store, range(begin, begin + 20))
    third = again(second, store)
    play(third, store, range(begin + 20, begin + 130))
    assert not [key for key in store.objects if INCOMPLETE in key or LATE in key]
    assert marker(store, shard) == (SUCCESS, set())
    assert marker(store, shard, begin // 60) == (SUCCESS, set())
    assert not [name for one in (first, second, third) for name, _ in one.log.events if name in ALARMS]


ALARMS = {"chain_broken", "records_skipped", "stream_replaced", "retention_gap", "hour_waits", "watermark_later"}


def test_a_late_record_of_an_hour_that_was_empty_is_listed() -> None:
    """Two hold the shard: one has sealed the hour without an object; the other read the mark before, and stores one."""
    store = Clocked()
    stale = OneShard(store)
    stale.deliver([record(-40)])
    stale.idle()
    store.minute = 59.9
    stale.idle()
    fresh = again(stale, store)
    fresh.deliver([])
    store.minute = 61.1
    stale.idle(20)
    assert marker(store, stale) == (SUCCESS, set())
    fresh.deliver([record(1, H + 59 * 60_000)])
    assert fresh.pipeline.drain(fresh.now, fresh.now + 10)
    folder = stale.hours.layout.folder(H)
    assert f"{folder}{LATE}" in store.objects
    note = note_at(store, f"{folder}{LATE}")
    assert note
    assert note.totals.records == 1


def test_a_mark_of_this_version_is_read_by_the_former_one_and_back() -> None:
    """A former worker keeps every gap, and drops the tail; what it wrote is read."""

    class Former(msgspec.Struct, frozen=True, rename="camel"):
        shard: str
        began_ms: int
        watermark_ms: int
        sealed_to_ms: int
        writer: str
        ended: bool = False
        gaps: tuple[dict[str, object], ...] = ()

    store = Clocked()
    shard = OneShard(store)
    play(shard, store, range(20))
    found = store.find(KEY)
    assert found
    former = msgspec.json.decode(found.body, type=Former)
    assert former.watermark_ms
    assert msgspec.json.decode(msgspec.json.encode(former), type=Mark).tail is None
