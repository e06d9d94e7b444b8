"""The index of an hour: one name, whoever asks, as soon as the hour has begun."""

import random
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.records import HOUR_MS
from consumers.search import names
from consumers.search.names import MARGIN_MS, IndexNames, Name, name_fault, pattern_of
from consumers.waiting import Unavailable
from tests.memory_store import MemoryStore

HOUR = 472_222  # 2023-11-14T22
KEY = "_kinesis-fleet/app/index-names.json"
MINUTE_MS = 60_000


class World:
    """A bucket with a clock that a test sets, as minutes after the hour's beginning."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.at(0)

    def at(self, minutes: float) -> None:
        self.store.clock_ms = lambda: HOUR * HOUR_MS + minutes * MINUTE_MS

    def process(self, template: str) -> IndexNames:
        return IndexNames(self.store, "app", template)

    def ask(self, process: IndexNames, hour: int) -> str:
        process.learn({hour})
        return process.of(hour)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("e-%Y.%m.%d", "e-2023.11.14"),
        ("e-%Y.%m.%d-%H", "e-2023.11.14-22"),
        ("e-%Y.%m", "e-2023.11"),
        ("e", "e"),
    ],
)
def test_the_name_follows_the_hour_of_arrival_in_utc(template: str, name: str) -> None:
    """By hour, day or month, whatever the host's clock and zone."""
    assert Name(0, template).at(HOUR) == name
    assert World().ask(World().process(template), HOUR) == name


def test_a_changed_name_waits_for_a_full_hour_ten_minutes_ahead() -> None:
    """Within an hour nothing changes, and every process agrees once the hour has begun."""
    world = World()
    old = world.process("a-%H")
    assert world.ask(old, HOUR) == "a-22"
    world.at(30)
    new = world.process("b-%H")
    assert world.ask(new, HOUR) == "a-22"
    world.at(61)
    assert [world.ask(one, HOUR + 1) for one in (old, new, world.process("b-%H"))] == ["b-23"] * 3
    assert [world.ask(one, HOUR) for one in (old, new, world.process("c-%H"))] == ["a-22"] * 3


def test_a_change_within_ten_minutes_of_the_hour_waits_for_the_next() -> None:
    """A process with a late clock, or late with its word, cannot rename an hour that somebody has looked up."""
    world = World()
    old = world.process("a-%H")
    world.ask(old, HOUR)
    world.at(50.1)
    new = world.process("b-%H")
    world.ask(new, HOUR)
    world.at(60)
    assert world.ask(old, HOUR + 1) == world.ask(new, HOUR + 1) == "a-23"
    assert world.ask(old, HOUR + 2) == world.ask(new, HOUR + 2) == "b-00"


def test_the_last_start_decides_what_is_still_far_ahead() -> None:
    """A deployment that is rolled back before it takes effect leaves no trace."""
    world = World()
    world.ask(world.process("a-%H"), HOUR)
    before = world.store.objects[KEY]
    world.at(10)
    world.ask(world.process("b-%H"), HOUR)
    assert world.store.objects[KEY] != before
    world.at(20)
    world.ask(world.process("a-%H"), HOUR)
    assert world.store.objects[KEY] == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"names":[]}', b'{"names":[{"fromMs":5,"template":"a"}]}'])
def test_a_damaged_object_waits_for_an_operator(body: bytes) -> None:
    """No guess is made: another name would double what stands."""
    world = World()
    world.store.objects[KEY] = (body, {})
    with pytest.raises(Unavailable, match=KEY) as caught:
        world.process("a-%H").learn({HOUR})
    assert caught.value.operator
    assert caught.value.remedy


def test_an_object_that_was_deleted_waits_for_an_operator() -> None:
    """Whoever has seen it does not write it anew with its own name."""
    world = World()
    process = world.process("a-%H")
    world.ask(process, HOUR)
    world.store.remove(KEY)
    with pytest.raises(Unavailable, match="is gone") as caught:
        process.learn({HOUR + 1})
    assert caught.value.operator
    assert world.ask(process, HOUR) == "a-22"


def test_who_loses_a_race_takes_the_winners_name() -> None:
    """Two first starts, and two changes at once, end with one name for all."""
    world = World()
    rival = world.process("b-%H")

    class Overtaken(MemoryStore):
        """Lets the rival write between the look and the word."""

        def _first(self, rival: Callable[[], object]) -> None:
            if rivals:
                rivals.pop()
                rival()

        def put_new(self, key: str, body: bytes, metadata: Any, sha256: bytes) -> bool:
            self._first(lambda: rival.learn({HOUR}))
            return world.store.put_new(key, body, metadata, sha256)

        def swap(self, key: str, body: bytes, version: str | None) -> str | None:
            self._first(lambda: world.process("c-%H").learn({HOUR}))
            return world.store.swap(key, body, version)

    overtaken = Overtaken()
    overtaken.objects, overtaken.clock_ms = world.store.objects, world.store.clock_ms
    rivals = [1, 2]
    mine = IndexNames(overtaken, "app", "a-%H")
    assert world.ask(mine, HOUR) == world.ask(rival, HOUR) == "b-22"
    assert world.ask(mine, HOUR + 1) == world.ask(rival, HOUR + 1) == "a-23"
    assert not rivals


def test_a_replay_of_years_keeps_no_more_than_weeks_of_names() -> None:
    """Memory is bounded, and each delivery's hours are known all the same."""
    process = World().process("a-%Y%m%d%H")
    for hour in range(0, 4000, 2):
        process.learn({hour, hour + 1})
        assert process.of(hour) != process.of(hour + 1)
    assert len(process._hours) < 1100


class AtOnce(IndexNames):
    """Applies its own name at once."""

    def of(self, hour: int) -> str:
        return Name(0, self._template).at(hour)


def disagreements(seed: int, kind: type[IndexNames]) -> list[tuple[str, str]]:
    """Let processes start and look hours up in any order, by clocks within the margin."""
    rng = random.Random(seed)
    world = World()
    apart = rng.uniform(-0.45, 0.45) * MARGIN_MS / MINUTE_MS
    now, said, wrong = 0.0, dict[int, str](), []
    processes = [kind(world.store, "app", "a-%H")]
    for _ in range(60):
        now += rng.choice([0, 1, 4, 9, 25])
        world.at(now + apart)
        if rng.random() < 0.3:
            processes.append(kind(world.store, "app", rng.choice(["a-%H", "b-%H", "c"])))
        begun = HOUR + int(now // 60)
        hour = rng.randint(max(HOUR, begun - 3), begun)
        name = world.ask(rng.choice(processes), hour)
        if said.setdefault(hour, name) != name:
            wrong.append((said[hour], name))
    return wrong


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_an_hour_that_has_begun_never_changes_its_name(seed: int) -> None:
    """For any interleaving of starts and look-ups, and clocks apart by less than the margin."""
    assert disagreements(seed, IndexNames) == []


@pytest.mark.parametrize("bug", ["at_once", "no_margin"])
def test_negative_control(bug: str) -> None:
    """A change that is applied at once, or without a margin for the clocks, is found within those schedules."""
    kind = AtOnce if bug == "at_once" else IndexNames
    with patch.object(names, "MARGIN_MS", 0 if bug == "no_margin" else MARGIN_MS):
        assert any(disagreements(seed, kind) for seed in range(300))


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("player-events-%Y.%m.%d", "player-events-*"),
        ("e-%Y.%m.%d-%H-x", "e-*x"),
        ("e", "e"),
        ("e%Y", "e*"),
        ("e-%Y-m-%m", "e-*m-*"),
    ],
)
def test_the_templates_pattern_matches_every_index(template: str, pattern: str) -> None:
    """No index comes to be without the mapping."""
    assert pattern_of(template) == pattern
    assert all(fnmatchcase(Name(0, template).at(hour), pattern) for hour in range(HOUR, HOUR + 3000, 77))


@pytest.mark.parametrize(
    "template", ["e-%j", "e-%%", "e%", "E-%Y", "-e", "_e", "+e", "e*", "e e", "é", "..", ".", "e" * 201]
)
def test_what_no_index_can_be_called_is_refused(template: str) -> None:
    """The check says it before the daemon starts."""
    assert name_fault(template)


@pytest.mark.parametrize("template", ["e", "e-%Y.%m.%d", "e_%Y-%m-%d-%H-1", "1e"])
def test_names_that_servers_take_pass(template: str) -> None:
    """Nothing that works is refused."""
    assert name_fault(template) is None


def test_an_announcement_that_comes_too_late_is_taken_back() -> None:
    """A process that stood still between its look at the clock and its word leaves the hour that has begun alone."""
    world = World()
    old = world.process("a-%H")
    world.ask(old, HOUR)
    swap = world.store.swap
    stood_still: list[bool] = []

    def after_an_hour(key: str, body: bytes, version: str | None) -> str | None:
        if not stood_still:
            stood_still.append(True)
            world.at(70)
            assert world.ask(old, HOUR + 1).startswith("a-")
        return swap(key, body, version)

    with patch.object(world.store, "swap", after_an_hour):
        changed = world.process("b-%H")
        assert world.ask(changed, HOUR + 1).startswith("a-")
    assert world.ask(world.process("b-%H"), HOUR + 1).startswith("a-")
    assert world.ask(changed, HOUR + 2).startswith("b-")
