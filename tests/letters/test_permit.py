"""The operator's word holds as long as it says, by the bucket's clock, and no longer."""

import pytest

from consumers.letters.permit import LONGEST_MS, Permit
from consumers.records import HOUR_MS
from consumers.waiting import Parked, Unavailable
from tests.memory_store import MemoryStore
from tests.support.archive import archive_of
from tests.support.servers import Server

KEY = "_kinesis-fleet/app/let-through.json"


def at(store: MemoryStore, now_ms: int) -> MemoryStore:
    """Set the store's clock."""
    store.clock_ms = lambda: now_ms
    return store


def test_it_ends() -> None:
    """Not allowed before, allowed for an hour, not allowed after; another application's is another one."""
    store = at(MemoryStore(), 10**12)
    permit = Permit(store, "app")
    assert permit.allowed() is False
    assert permit.grant(HOUR_MS) == 10**12 + HOUR_MS
    assert permit.allowed() is True
    assert Permit(store, "other").allowed() is False
    at(store, 10**12 + HOUR_MS - 1)
    assert permit.allowed() is True
    at(store, 10**12 + HOUR_MS)
    assert permit.allowed() is False


def test_it_can_be_ended_and_extended() -> None:
    """The last word counts."""
    permit = Permit(at(MemoryStore(), 10**12), "app")
    permit.grant(HOUR_MS)
    permit.grant(0)
    assert permit.allowed() is False
    permit.grant(LONGEST_MS)
    assert permit.allowed() is True


@pytest.mark.parametrize("for_ms", [-1, LONGEST_MS + 1])
def test_it_is_a_day_at_the_most(for_ms: int) -> None:
    """Forever is a decision of nobody."""
    with pytest.raises(ValueError, match="a day"):
        Permit(MemoryStore(), "app").grant(for_ms)


@pytest.mark.parametrize("until", [10**15, 10**18, -1, 0])
def test_a_permit_without_an_end_is_none(until: int) -> None:
    """Whoever writes it by hand."""
    store = at(MemoryStore(), 10**12)
    store.swap(KEY, b'{"untilMs":%d}' % until, None)
    assert Permit(store, "app").allowed() is False


def test_a_damaged_permit_parks() -> None:
    """It is not guessed."""
    store = MemoryStore()
    store.swap(KEY, b"{", None)
    with pytest.raises(Parked, match=r"let-through\.json is damaged"):
        Permit(store, "app").allowed()


def test_on_real_servers(s3: Server) -> None:
    """With the clock that comes with their answers."""
    permit = Permit(archive_of(s3), "app")
    assert permit.allowed() is False
    permit.grant(LONGEST_MS)
    assert Permit(archive_of(s3), "app").allowed() is True
    permit.grant(0)
    assert permit.allowed() is False


def test_what_is_stuck_passes_only_where_that_is_said() -> None:
    """A permit for rejected records is none for those that an ill server fails on."""
    permit = Permit(at(MemoryStore(), 10**12), "app")
    permit.grant(HOUR_MS)
    assert (permit.allowed(), permit.allowed(stuck=True)) == (True, False)
    permit.grant(HOUR_MS, stuck=True)
    assert (permit.allowed(), permit.allowed(stuck=True)) == (True, True)


def test_a_bucket_without_a_clock_grants_nothing() -> None:
    """It is refused, instead of a permit that ended in 1970."""
    with pytest.raises(Unavailable, match="no Date"):
        Permit(at(MemoryStore(), 0), "app").grant(HOUR_MS)
