"""An hour in which a record was set aside does not claim to hold all of its records."""

import msgspec

from consumers.hours.manifest import Note
from consumers.hours.mark import Mark, merge
from consumers.hours.reading import SET_ASIDE, Gap
from consumers.hours.times import hour_of
from consumers.records import HOUR_MS, Record
from tests.memory_store import MemoryStore
from tests.support.hours import OneShard, past_records

RECORDS = past_records(3)
SECOND_MS = hour_of(RECORDS[0].arrival_ms) + HOUR_MS


def notes(store: MemoryStore) -> dict[str, Note]:
    """Read what each hour's marker says, by its name and the hour."""
    names = ("_SUCCESS", "_INCOMPLETE")
    return {
        f"{name} {note.hour[-2:]}": note
        for key, (body, _) in store.objects.items()
        for name in names
        if key.endswith(name)
        for note in [msgspec.json.decode(body, type=Note)]
    }


def hours_of(*records_ms: int) -> list[str]:
    """Name hours as the markers do."""
    return [f"{(ms // HOUR_MS) % 24:02d}" for ms in records_ms]


def delivered(store: MemoryStore, records: list[Record], *aside: tuple[int | None, int | None]) -> OneShard:
    """Live through three hours, with records set aside before the second one is delivered."""
    shard = OneShard(store)
    shard.deliver([one for one in records if one.arrival_ms < SECOND_MS], caught_up=False)
    for from_ms, to_ms in aside:
        shard.watch.set_aside(from_ms, to_ms)
    shard.deliver([one for one in records if one.arrival_ms >= SECOND_MS], caught_up=False)
    shard.idle()
    return shard


def test_the_hour_of_its_arrival_is_incomplete() -> None:
    """It names the shard and the reason; the hours beside it are complete."""
    store = MemoryStore()
    shard = delivered(store, RECORDS, (SECOND_MS + 5, SECOND_MS + 6))
    first, second, third = hours_of(SECOND_MS - 1, SECOND_MS, SECOND_MS + HOUR_MS)
    found = notes(store)
    assert {f"_SUCCESS {first}", f"_INCOMPLETE {second}", f"_SUCCESS {third}"} <= {*found}
    (hole,) = found[f"_INCOMPLETE {second}"].holes
    assert (hole.shard, hole.reason) == (shard.shard, SET_ASIDE)
    assert "dead-letters" in str(shard.log.of("hour_incomplete")[0]["remedy"])


def test_without_a_time_each_hour_between_its_neighbours_is() -> None:
    """A record whose arrival nobody knows may be of any of them."""
    store = MemoryStore()
    delivered(store, RECORDS, (SECOND_MS - 5, SECOND_MS + 5))
    first, second, third = hours_of(SECOND_MS - 1, SECOND_MS, SECOND_MS + HOUR_MS)
    assert {f"_INCOMPLETE {first}", f"_INCOMPLETE {second}", f"_SUCCESS {third}"} <= {*notes(store)}
    store = MemoryStore()
    delivered(store, RECORDS, (None, None))
    assert {name.split()[0] for name in notes(store)} == {"_INCOMPLETE"}


def test_the_next_process_knows_it() -> None:
    """It is in the mark before anything behind it is committed, also where nothing else was to be marked."""
    store = MemoryStore()
    shard = OneShard(store)
    shard.watch.set_aside(SECOND_MS + 5, SECOND_MS + 6)
    shard.deliver(RECORDS[:5], caught_up=False)  # an object's worth
    assert shard.committed == RECORDS[4].position
    delivered(store, RECORDS)
    assert f"_INCOMPLETE {hours_of(SECOND_MS)[0]}" in notes(store)


def test_no_watermark_settles_it() -> None:
    """What another process has delivered up to has no bearing on a record that none can read."""
    mine = Mark("s", 0, 100, 0, "me", gaps=(Gap(50, 51, SET_ASIDE),))
    theirs = Mark("s", 0, 1000, 0, "they")
    assert merge(theirs, mine).gaps == mine.gaps
    assert merge(merge(theirs, mine), mine).gaps == mine.gaps
