"""The one record that kills is found by real deaths, and nothing else condemns."""

import ctypes
import os
import random
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat

import pytest

from consumers import alive
from consumers.letters import killer
from consumers.letters.killer import Verdict, Why, find_killer
from consumers.letters.letter import TOO_SLOW
from consumers.letters.trial import End, Ending, try_apart
from consumers.records import Position, Record
from tests.letters.sample import record

SMALL = 200 << 20
RECORDS = [record(n) for n in range(40)]


def apart(work: Callable[[], object]) -> Ending:
    """Try in a real subprocess, with less patience than the daemon has."""
    return try_apart(work, limit_s=1, room_bytes=SMALL)


def killing(n: int, how: Callable[[], object]) -> Callable[[Record], object]:
    """Judge so that the n-th record is fatal."""
    return lambda judged: how() if judged is RECORDS[n] else None


def raise_it() -> None:
    """End by a bug."""
    raise ValueError("bug")


def never(position: Position) -> None:
    """Expect no mark."""
    pytest.fail(f"marked {position}")


@pytest.mark.parametrize(
    ("how", "named"),
    [
        (lambda: ctypes.string_at(0), "SIGSEGV"),
        (os.abort, "SIGABRT"),
        (lambda: list(map(bytearray, repeat(64 << 20))), "MemoryError"),
        (raise_it, "ValueError"),
    ],
)
def test_it_is_found(how: Callable[[], object], named: str) -> None:
    """One of many, wherever it stands; it was marked before it was tried alone, and nothing else was."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    n = random.Random(seed).randrange(len(RECORDS))
    marked: list[Position] = []
    verdict = find_killer(RECORDS, killing(n, how), marked.append, apart)
    assert verdict == Verdict(Why.FOUND, RECORDS[n], (named,) * 3)
    assert marked == [RECORDS[n].position]


def test_harmless_records_cost_one_subprocess() -> None:
    """And nobody is marked."""
    ran: list[Ending] = []

    def counted(work: Callable[[], object]) -> Ending:
        ran.append(apart(work))
        return ran[-1]

    assert find_killer(RECORDS, lambda _: None, never, counted) == Verdict(Why.NONE_KILLS, tried=len(RECORDS))
    assert len(ran) == 1


def test_a_search_takes_five_subprocesses() -> None:
    """Of a thousand records: one for all, which says where it died, the control, three alone."""
    many = [record(n) for n in range(1000)]
    ran = 0

    def counted(work: Callable[[], object]) -> Ending:
        nonlocal ran
        ran += 1
        return apart(work)

    verdict = find_killer(many, lambda one: os.abort() if one is many[-1] else None, lambda _: None, counted)
    assert verdict.killer is many[-1]
    assert ran == 1 + 1 + 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_death_from_outside_never_condemns(number: int) -> None:
    """Five searches, each ended by a kill at the same record: nobody is marked, let alone condemned."""
    for _ in range(5):
        verdict = find_killer(RECORDS, killing(7, lambda: os.kill(os.getpid(), number)), never, apart)
        assert verdict == Verdict(Why.OUTSIDE, None, (signal.Signals(number).name,))


def test_taking_outside_deaths_for_evidence_would_condemn() -> None:
    """The control: where a kill counts as a death, the search above condemns an innocent record."""

    def credulous(work: Callable[[], object]) -> Ending:
        ending = apart(work)
        return replace(ending, end=End.DIED) if ending.end is End.OUTSIDE else ending

    kill = killing(7, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert find_killer(RECORDS, kill, lambda _: None, credulous).killer is RECORDS[7]


def test_a_hang_is_reported_and_condemns_nobody() -> None:
    """It costs its time once."""
    began = time.monotonic()
    verdict = find_killer(RECORDS, killing(7, lambda: time.sleep(100)), never, apart)
    assert (verdict.why, verdict.killer) == (Why.HUNG, None)
    assert time.monotonic() - began < 10


def test_records_that_kill_only_together_are_innocent() -> None:
    """Memory that many fill is no fault of one."""
    held: list[bytearray] = []
    verdict = find_killer(RECORDS, lambda _: held.append(bytearray(8 << 20)), lambda _: None, apart)
    assert verdict == Verdict(Why.TOGETHER, None, ("MemoryError",))


def test_a_process_that_dies_without_any_record_accuses_none() -> None:
    """The control that each search makes before it looks for a culprit."""

    def broken(work: Callable[[], object]) -> Ending:
        return Ending(End.DIED, "SIGSEGV")

    assert find_killer(RECORDS, os.abort, never, broken) == Verdict(Why.WITHOUT, None, ("SIGSEGV",))  # type: ignore[arg-type]


CPU_S = 0.2
hurried = partial(try_apart, limit_s=20, room_bytes=SMALL, cpu_s=CPU_S)


def work_for(cpu_s: float) -> None:
    """Use CPU time."""
    until = time.process_time() + cpu_s
    while time.process_time() < until:
        pass


@pytest.mark.parametrize(
    "how",
    [lambda: work_for(3600), lambda: re.match(r"(a+)+$", "a" * 60 + "b")],
    ids=["python", "a call that gives nothing back"],
)
def test_a_record_without_an_end_is_named(how: Callable[[], object]) -> None:
    """By the CPU time that it takes alone, three times."""
    marked: list[Position] = []
    verdict = find_killer(RECORDS, killing(21, how), marked.append, hurried)
    assert verdict == Verdict(Why.FOUND, RECORDS[21], ("more than 0.2 s of CPU",) * 3, reason=TOO_SLOW)
    assert marked == [RECORDS[21].position]


def test_each_record_has_its_own_time() -> None:
    """Many that are slow, and none too slow, condemn nobody; nor does a host that lets them wait."""
    slow = {id(one) for one in RECORDS[:6]}
    verdict = find_killer(RECORDS, lambda one: work_for(CPU_S / 3) if id(one) in slow else None, never, hurried)
    assert verdict == Verdict(Why.NONE_KILLS, tried=len(RECORDS))
    verdict = find_killer(RECORDS[:2], lambda _: time.sleep(2 * CPU_S), never, hurried)
    assert verdict == Verdict(Why.NONE_KILLS, tried=2)


def test_a_search_gives_signs_of_life_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are tried for a while; those that were may be judged then, one at least."""
    lives: list[float] = []
    monkeypatch.setattr(alive, "beat", lambda _within_s=0.0: lives.append(time.monotonic()))
    monkeypatch.setattr(killer, "TRY_S", 1.0)
    began = time.monotonic()
    verdict = find_killer(RECORDS, lambda _: time.sleep(0.3), never, hurried)
    assert verdict.why is Why.NONE_KILLS
    assert 1 <= verdict.tried <= 5
    times = [began, *lives, time.monotonic()]
    assert max(later - at for at, later in zip(times, times[1:], strict=False)) < 1
    monkeypatch.setattr(killer, "TRY_S", 0.0)
    assert find_killer(RECORDS, lambda _: None, never, hurried).tried == 1


def test_the_record_before_it_is_tried_too() -> None:
    """A process may die of a record a little later, in the middle of an innocent one."""
    bombs: list[Record] = []

    def judge(one: Record) -> None:
        if bombs:
            os.abort()
        if one is RECORDS[12]:
            bombs.append(one)

    def left_alone(work: Callable[[], object]) -> Ending:
        """Let the copy go on for a moment after its work."""
        return apart(lambda: (work(), os.abort() if bombs else None))

    verdict = find_killer(RECORDS, judge, lambda _: None, left_alone)
    assert (verdict.why, verdict.killer) == (Why.FOUND, RECORDS[12])


class Scripted:
    """Subprocesses that end as they are told, whoever they try."""

    def __init__(self, *endings: End) -> None:
        self.left = list(endings)

    def __call__(self, work: Callable[[], object]) -> Ending:
        return Ending(self.left.pop(0), "told")


D, S, OUT = End.DIED, End.SURVIVED, End.OUTSIDE


@pytest.mark.parametrize(
    ("endings", "why"),
    [
        ((D, S, D, D, D), Why.FOUND),
        ((D, S, D, D, S), Why.TOGETHER),  # twice is no evidence
        ((D, S, S), Why.TOGETHER),
        ((D, S, D, D, End.HUNG), Why.HUNG),
        ((D, S, D, D, OUT, OUT, OUT), Why.OUTSIDE),
        ((D, S, D, OUT, D, OUT, OUT, D), Why.FOUND),  # a step that was disturbed is made again
        ((OUT, OUT, S), Why.NONE_KILLS),
        ((OUT, OUT, OUT), Why.OUTSIDE),
    ],
)
def test_only_three_deaths_alone_condemn(endings: Sequence[End], why: Why) -> None:
    """One record, and how its subprocesses end: all, none, alone three times."""
    scripted = Scripted(*endings)
    verdict = find_killer(RECORDS[:1], lambda _: None, lambda _: None, scripted)
    assert (verdict.why, verdict.killer is not None, scripted.left) == (why, why is Why.FOUND, [])


def test_a_mark_that_cannot_be_made_ends_the_search() -> None:
    """Nothing is tried alone without it."""

    def refuse(_: Position) -> None:
        raise ConnectionError("away")

    ran = Scripted(D, S, D, D, D)
    with pytest.raises(ConnectionError):
        find_killer(RECORDS[:1], lambda _: None, refuse, ran)
    assert len(ran.left) == 3
