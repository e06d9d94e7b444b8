"""Each hour is in some audit, each cut between two audits is compared, and a loss that is declared is no proof."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from unittest.mock import patch

import click
import pytest

from consumers.audit.audit import Audit, Span, Tally
from consumers.audit.finding import Finding
from consumers.audit.place import hours_given
from consumers.audit.progress import Progress, audited_key
from consumers.commands import audit as command
from consumers.hours import beginning
from consumers.hours.hours import read_frontier
from consumers.hours.joints import Joints
from consumers.hours.times import hour_text
from consumers.parts import Start
from consumers.records import HOUR_MS, Position
from consumers.waiting import Parked
from tests.hours.test_holes import Clocked, H, again, objects, play, record
from tests.memory_store import MemoryStore
from tests.support.hours import OneShard


class Store(Clocked):
    """A bucket whose objects can be read through."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def digest(self, key: str) -> tuple[str, int] | None:
        found = self.find(key)
        return (hashlib.sha256(found.body).hexdigest(), len(found.body)) if found else None


def audit(store: Store, shard: OneShard, first: int, last: int, *, on: bool = False) -> tuple[list[Finding], Tally]:
    """Audit hours, by their number; `on` is where the last one ended."""
    frontier, _ = read_frontier(store, shard.hours)
    assert frontier
    decided = range(frontier.first_ms, frontier.next_ms)
    first_ms, last_ms = H + first * HOUR_MS, H + last * HOUR_MS
    progress = Progress(store, shard.hours)
    ends = progress.ends_at(first_ms) if on else {}
    found: list[Finding] = []
    span = Span(shard.hours.stream, (shard.hours.layout,), first_ms, last_ms, decided, ends)
    one = Audit(store, span, found.append, lambda *_: None)
    tally = one.run(read=True)
    if on:
        progress.note(first_ms, last_ms, one.ends, frontier.first_ms)
    return found, tally


@pytest.fixture
def skipped() -> Iterator[tuple[Store, OneShard]]:
    """Four hours of a former version, which did not notice that a checkpoint was set forward."""
    store = Store()
    with (
        patch.object(beginning, "Doubt", lambda *_: None),
        patch.object(Joints, "loose", lambda *_: iter(())),
    ):
        shard = OneShard(store)
        play(shard, store, range(56))
        shard.deliver([])
        forward = OneShard(store, start=Start(Position(10**55 + 70, 0), None))
        play(forward, store, range(71, 260))
        yield store, forward


@pytest.mark.parametrize("on", [False, True])
def test_a_gap_at_a_cut_is_found_by_both_audits(skipped: tuple[Store, OneShard], *, on: bool) -> None:
    """The one looks at what comes behind it, the other at what stands before."""
    store, shard = skipped
    for first, last in ((0, 0), (1, 2)):
        found, _ = audit(store, shard, first, last, on=on)
        assert [one.kind for one in found] == ["gap"]
        assert f"between {10**55 + 55}:0 and {10**55 + 75}:0" in found[0].detail


def test_a_whole_archive_is_whole_however_it_is_cut() -> None:
    """Also on a shard that was quiet for days, and with a record that came late for an hour before the cut."""
    store = Store()
    shard = OneShard(store)
    play(shard, store, range(62))
    for hour in range(1, 80):
        store.minute = 62 + hour * 60
        shard.idle(10)
    later = again(shard, store)
    play(later, store, range(80 * 60, 81 * 60 + 3))
    later.deliver([record(81 * 60 + 3, H + (80 * 60 + 10) * 60_000)])
    play(later, store, range(81 * 60 + 4, 82 * 60 + 10))
    for cut in range(81):
        for first, last in ((0, cut), (cut + 1, 81)):
            found, tally = audit(store, later, first, last, on=True)
            assert found == []
            assert tally.unproven == []
        store.remove(audited_key("app", "events"))
    found, tally = audit(store, later, 80, 81)
    assert (found, tally.unproven) == ([], [])  # nobody remembers, and so it is looked for


def test_what_nothing_stands_before_is_not_called_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """What the first object of the range follows is gone, with all before it: that is no proof of anything."""
    store = Store()
    shard = OneShard(store)
    play(shard, store, range(190))
    for key in objects(store):
        if "hour=08" in key or "hour=09" in key:
            store.remove(key)
    found, tally = audit(store, shard, 2, 2)
    assert (found, tally.unproven) == ([], [shard.shard])
    span = Span(shard.hours.stream, (shard.hours.layout,), H + 2 * HOUR_MS, H + 2 * HOUR_MS, range(H, H + 3 * HOUR_MS))
    assert command._code(tally, span) == 3
    command._sums(tally, store, span, as_json=False, quick=False)  # type: ignore[arg-type]
    assert "nothing is missing" not in capsys.readouterr().out


def test_a_gap_behind_days_of_quiet_is_found_by_who_goes_on() -> None:
    """Where the last audit ended is remembered, so that nobody has to look for it."""
    store = Store()
    shard = OneShard(store)
    play(shard, store, range(62))
    for hour in range(1, 60):
        store.minute = 62 + hour * 60
        shard.idle(10)
    assert audit(store, shard, 0, 59, on=True)[0] == []
    with patch.object(beginning, "Doubt", lambda *_: None), patch.object(Joints, "loose", lambda *_: iter(())):
        forward = OneShard(store, start=Start(Position(10**55 + 61 * 60, 0), None))
        play(forward, store, range(61 * 60 + 1, 64 * 60))
    found, _ = audit(store, forward, 60, 62, on=True)
    assert [one.kind for one in found] == ["gap"]


def test_what_an_hour_declares_is_no_proof(capsys: pytest.CaptureFixture[str]) -> None:
    """Records expired unread: the hours say so, and so does whoever audits them, with a code of its own."""
    store = Store()
    shard = OneShard(store)
    play(shard, store, range(26))
    store.minute = 40 * 60
    late = again(shard, store)
    play(late, store, range(40 * 60, 43 * 60))
    found, tally = audit(store, late, 0, 41)
    assert {one.kind for one in found} == {"declared"}
    assert len(tally.declared) > 16
    span = Span(late.hours.stream, (late.hours.layout,), H, H + 41 * HOUR_MS, range(H, H + 42 * HOUR_MS))
    assert command._code(tally, span) == 3
    command._sums(tally, store, span, as_json=False, quick=False)  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "whole but for what is declared" in said
    assert "nothing is missing" not in said


@pytest.mark.parametrize(
    "nights",
    [
        pytest.param([4, 29, 53], id="an hour is decided in time in one night, and not in the one before"),
        pytest.param([5, 8, 8, 77], id="a shard is parked for two days"),
        pytest.param([5, 150], id="nobody ran it for a week"),
        pytest.param([90, 114], id="it was first run after days"),
    ],
)
def test_each_hour_is_in_some_audit(nights: list[int]) -> None:
    """The range goes back to where the last one ended, and a day at the least, whichever host runs it."""
    store, place = MemoryStore(), OneShard(MemoryStore()).hours
    seen: set[int] = set()
    for night in nights:
        progress = Progress(store, place)
        first_ms, last_ms = hours_given("", "", progress.hours_until(H + night * HOUR_MS, H))
        assert last_ms == H + (night - 1) * HOUR_MS
        assert first_ms <= last_ms - 23 * HOUR_MS
        seen |= set(range(first_ms, last_ms + 1, HOUR_MS))
        progress.note(first_ms, last_ms, {}, H)
    assert [hour_text(ms) for ms in range(H, max(seen), HOUR_MS) if ms not in seen] == []


def test_an_audit_of_other_hours_leaves_none_out() -> None:
    """Whoever asks for some hours moves the place only if it joins them."""
    store, place = MemoryStore(), OneShard(MemoryStore()).hours
    Progress(store, place).note(H + 5 * HOUR_MS, H + 8 * HOUR_MS, {}, H)  # the first ones were never looked at
    assert Progress(store, place).hours_until(H + 40 * HOUR_MS, H)[0] == H
    Progress(store, place).note(H, H + 9 * HOUR_MS, {"shard": Position(5, 0)}, H)
    for first, last, ends in ((20, 30, {}), (2, 5, {}), (4, 12, {"shard": Position(7, 0)})):
        Progress(store, place).note(H + first * HOUR_MS, H + last * HOUR_MS, ends, H)
    after = Progress(store, place)
    assert after.hours_until(H + 40 * HOUR_MS, H)[0] == H + 13 * HOUR_MS
    assert after.ends_at(H + 13 * HOUR_MS) == {"shard": Position(7, 0)}
    assert after.ends_at(H + 12 * HOUR_MS) == {}


def test_a_place_that_is_damaged_is_no_place() -> None:
    """It is said with the remedy, and no hour is left out by a guess."""
    store, place = MemoryStore(), OneShard(MemoryStore()).hours
    store.swap(audited_key("app", "events"), b"{", None)
    with pytest.raises(Parked, match="damaged"):
        Progress(store, place)


def test_hours_that_are_given_are_kept_to() -> None:
    """The default is for who gives none."""
    default = (H, H + 5 * HOUR_MS)
    first, last = hour_text(H + HOUR_MS), hour_text(H + 2 * HOUR_MS)
    assert hours_given(first, last, default) == (H + HOUR_MS, H + 2 * HOUR_MS)
    assert hours_given(first, "", default) == (H + HOUR_MS, H + 5 * HOUR_MS)
    assert hours_given("", last, default) == (H - 21 * HOUR_MS, H + 2 * HOUR_MS)
    with pytest.raises(click.UsageError):
        hours_given(last, first, default)


def test_an_object_that_is_gone_behind_the_last_hour_is_seen() -> None:
    """The hour behind is not decided: what stands in it names what it follows."""
    store = Store()
    shard = OneShard(store)
    play(shard, store, range(130))
    store.remove(next(key for key in objects(store) if "hour=10" in key))
    found, _ = audit(store, shard, 0, 1)
    assert [one.kind for one in found] == ["gap"]
