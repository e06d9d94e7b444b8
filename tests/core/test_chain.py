"""What the chain writes down: where each object begins, what proves that, and how two starts meet."""

import pytest

from consumers.chain.batcher import ChainBatcher, Limits, ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.place import ChainPlace, GrowthWatch, NoGrowthWatch
from consumers.objects.codecs import CODECS
from consumers.objects.reader import fetch
from consumers.objects.writer import ObjectWriter
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Parked, Patience, Unavailable
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent

SHARD = "shardId-000000000000"
NOW = 1_700_000_000_000


def record(n: int, arrival_ms: int = NOW) -> Record:
    """Make the n-th record."""
    return Record(b"%d" % n, "k", str(n), arrival_ms, 0)


def pipeline(
    store: MemoryStore, start: Start, *, compression: str = "gzip", prefix: str = "p", watch: GrowthWatch | None = None
) -> Pipeline[ObjectBatch]:
    """Join a shard's pipeline whose objects hold three records."""
    codec = CODECS[compression]
    layout = Layout(prefix, "dt=%Y-%m-%d/hour=%H", "s", codec.extension)
    chain = Chain(store, ChainPlace("app", SHARD, "r:s", layout, "w", 24), start, Silent(), watch or NoGrowthWatch())
    patience = Patience(lambda _: pytest.fail("nothing here is waited for"), lambda: 0.0, Silent())
    return Pipeline(
        ChainBatcher(Limits(1 << 20, 3, 60), lambda: ObjectWriter(codec, codec.default_level)), chain, patience
    )


def links(store: MemoryStore) -> list[Link]:
    """Read the chain."""
    found = [Link.parse(metadata) for key, (_, metadata) in store.objects.items() if position_in(key)]
    return sorted(found, key=lambda link: link.first)


@pytest.fixture
def store() -> MemoryStore:
    """A store whose clock stands."""
    store = MemoryStore()
    store.clock_ms = lambda: NOW
    return store


def after(n: int) -> Start:
    """Start after a checkpoint."""
    return Start(Position(n, 0), None)


def test_each_link_says_what_it_follows(store: MemoryStore) -> None:
    """The first link of a first start has an origin; the others follow their predecessor."""
    pipeline(store, Start(None, "TRIM_HORIZON")).offer([record(n) for n in range(1, 7)], 0)
    assert [(link.after, link.origin, link.count) for link in links(store)] == [
        (None, "TRIM_HORIZON", 3),
        (Position(3, 0), None, 3),
    ]


def test_a_start_after_a_checkpoint_follows_it(store: MemoryStore) -> None:
    """Sequence numbers are sparse: only this says that nothing lies between."""
    pipeline(store, after(5)).offer([record(9), record(12), record(13)], 0)
    assert [(link.after, link.origin) for link in links(store)] == [(Position(5, 0), None)]


class Lapsed(NoGrowthWatch):
    """Says once that records may be missing."""

    said = False

    def lapse(self, first: Position) -> str | None:
        said, self.said = self.said, True
        return None if said else "RETENTION"


def test_a_link_after_a_gap_says_so(store: MemoryStore) -> None:
    """It keeps what it came after, and says why that proves nothing; the next one follows it."""
    pipeline(store, after(5), watch=Lapsed()).offer([record(n) for n in range(9, 15)], 0)
    assert [(link.after, link.origin) for link in links(store)] == [
        (Position(5, 0), "RETENTION"),
        (Position(11, 0), None),
    ]


def test_a_repeated_first_start_that_begins_further_on_fences_the_first(store: MemoryStore) -> None:
    """The first starter, thawing, is told how far it must not write, and meets the second's object."""
    frozen = pipeline(store, Start(None, "TRIM_HORIZON"))
    frozen.offer([record(1), record(2)], 0)
    pipeline(store, Start(None, "TRIM_HORIZON")).offer([record(2), record(3), record(4)], 0)
    frozen.offer([record(3), record(4), record(5)], 0)
    frozen.drain(0)
    assert [(link.first.sequence, link.last, link.count) for link in links(store)] == [
        (1, Position(2, -1), 0),
        (2, Position(4, 0), 3),
        (5, Position(5, 0), 1),
    ]


def test_a_start_that_repeats_the_first_record_needs_no_fence(store: MemoryStore) -> None:
    """After a crash at the same first record nothing but the records stands."""
    for _ in range(2):
        pipeline(store, Start(None, "TRIM_HORIZON")).offer([record(1), record(2), record(3)], 0)
    assert [(link.first.sequence, link.count) for link in links(store)] == [(1, 3)]


@pytest.mark.parametrize("compression", ["bzip2", "none"])
def test_an_index_that_cannot_hide_stands_beside_its_object(store: MemoryStore, compression: str) -> None:
    """Under a name that other readers skip, and that only the winner's bytes lead to."""
    records = [record(n) for n in (1, 2, 3)]
    pipeline(store, after(0), compression=compression).offer(records, 0)
    keys = [key for key in store.objects if key.startswith("p/")]
    (key,) = [key for key in keys if position_in(key)]
    (index,) = [key for key in keys if not position_in(key)]
    assert index.rpartition("/")[2].startswith("_")
    assert list(fetch(store, key)) == records
    assert store.objects[key][0] == b"1\n2\n3\n" or compression == "bzip2"


def test_an_object_that_was_not_expected_is_adopted(store: MemoryStore) -> None:
    """Another writer's object at the same key stands, and the chain goes on after its end."""
    pipeline(store, after(0)).offer([record(1), record(2), record(3)], 0)
    late = pipeline(store, after(0))
    late.offer([record(n) for n in (1, 2, 3, 4)], 0)
    assert late.durable == Position(3, 0)
    late.drain(0)
    assert [(link.first.sequence, link.after) for link in links(store)] == [
        (1, Position(0, 0)),
        (4, Position(3, 0)),
    ]


def named(store: MemoryStore, application: str, start: Start) -> Pipeline:  # type: ignore[type-arg]
    """Join a pipeline of another application over the same prefix."""
    codec = CODECS["gzip"]
    place = ChainPlace(application, SHARD, "r:s", Layout("p", "dt=%Y-%m-%d/hour=%H", "s", codec.extension), "w", 24)
    chain = Chain(store, place, start, Silent())
    patience = Patience(lambda _: pytest.fail("nothing here is waited for"), lambda: 0.0, Silent())
    return Pipeline(ChainBatcher(Limits(1 << 20, 3, 60), lambda: ObjectWriter(codec, 1)), chain, patience)


def test_renamed_application_fences_nothing_that_stands(store: MemoryStore) -> None:
    """A start inside another application's object adopts it, also when it is repeated further on."""
    named(store, "old", Start(None, "TRIM_HORIZON")).offer([record(n) for n in (1, 2, 3)], 0)
    for first in (2, 3):
        named(store, "new", Start(None, "TRIM_HORIZON")).offer([record(n) for n in range(first, 7)], 0)
    assert [(link.first.sequence, link.count) for link in links(store)] == [(1, 3), (4, 3)]


def test_what_stands_ahead_in_a_former_hour_is_seen(store: MemoryStore) -> None:
    """Arrival times may run back across an hour; an object still ends before what stands."""
    later, earlier = NOW // HOUR_MS * HOUR_MS + HOUR_MS + 1, NOW // HOUR_MS * HOUR_MS + HOUR_MS - 1
    pipeline(store, after(49)).offer([record(n, earlier) for n in (50, 51, 52)], 0)
    late = pipeline(store, after(40))
    late.offer([record(48, later), record(49, later), record(50, earlier), record(51, earlier)], 0)
    assert [(link.first.sequence, link.count) for link in links(store)] == [(48, 2), (50, 3)]


def test_an_origin_ahead_ends_the_object(store: MemoryStore) -> None:
    """A first start at LATEST may still write where it began; a rewind to before that leaves it the place."""
    latest = pipeline(store, Start(None, "LATEST"))
    latest.offer([record(50)], 0)
    pipeline(store, Start(None, "TRIM_HORIZON")).offer([record(n) for n in (49, 50, 51, 52)], 0)
    latest.drain(0)
    assert [(link.first.sequence, link.count) for link in links(store)] == [(49, 1), (50, 3)]


def test_streams_of_one_name_do_not_share_a_chain(store: MemoryStore) -> None:
    """Another region's stream parks instead of being adopted away."""
    pipeline(store, after(0)).offer([record(n) for n in (1, 5, 9)], 0)
    layout = Layout("p", "dt=%Y-%m-%d/hour=%H", "s", ".gz")
    other = Chain(store, ChainPlace("app2", SHARD, "r2:s", layout, "w", 24), after(0), Silent())
    with pytest.raises(Parked, match="speaks of r:s"):
        other.begin(record(2))


def test_records_that_come_twice_in_one_lease_are_taken_once(store: MemoryStore) -> None:
    """Whatever repeats them."""
    it = pipeline(store, after(0))
    it.offer([record(1), record(2)], 0)
    it.offer([record(2), record(3)], 0)
    assert [link.count for link in links(store)] == [3]


class RefusesOnce(NoGrowthWatch):
    """Cannot take note the first time."""

    refused = False

    def stands(self, key: str, link: Link) -> None:
        if not self.refused:
            self.refused = True
            reason = "down"
            raise Unavailable(reason)


def test_an_adoption_that_could_not_be_noted_is_repeated(store: MemoryStore) -> None:
    """The standing object is still looked at: to pass over it would store its records twice."""
    pipeline(store, after(0)).offer([record(1), record(2), record(3)], 0)
    layout = Layout("p", "dt=%Y-%m-%d/hour=%H", "s", ".gz")
    chain = Chain(store, ChainPlace("app", SHARD, "r:s", layout, "w", 24), after(1), Silent(), RefusesOnce())
    with pytest.raises(Unavailable):
        chain.begin(record(2))
    assert chain.begin(record(2)).covered == Position(3, 0)


class Noting(NoGrowthWatch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.stood: list[Position] = []

    def stands(self, key: str, link: Link) -> None:
        self.stood.append(link.first)


def test_a_first_start_further_on_notes_what_stands_behind_it(store: MemoryStore) -> None:
    """Whoever wrote it may have died before it took note of it, and nobody reads there again."""
    pipeline(store, Start(None, "LATEST")).offer([record(n) for n in (1, 2, 3)], 0)
    watch = Noting()
    pipeline(store, Start(None, "LATEST"), watch=watch).offer([record(n) for n in (7, 8, 9)], 0)
    assert watch.stood == [Position(1, 0), Position(7, 0)]
