"""Finds the one record that ends the process that judges it, or takes too much CPU time, by trials in subprocesses.

Only evidence condemns a record: three subprocesses that tried it alone and ended by themselves, or used up the CPU time
that a record has. A subprocess that was ended from outside, or that hung, is no evidence.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from consumers.letters.letter import KILLS_PROCESS, TOO_SLOW
from consumers.letters.trial import CPU_S, End, Ending, step, try_apart
from consumers.records import Position, Record

DEATHS = 3
TRY_S = 5.0
"""The time in seconds for which records are tried before the survivors may be judged, and so written meanwhile."""
_TRIES = 3  # of a trial whose subprocess was ended from outside

Judge = Callable[[Record], object]
Apart = Callable[[Callable[[], object]], Ending]
Mark = Callable[[Position], None]


class Why(Enum):
    """The result of a search. After the first two, an operator must look into it."""

    NONE_KILLS = "all of them survived"
    FOUND = "one record ends the process whenever it is tried alone"
    TOGETHER = "they end the process together, and none does alone each time"
    WITHOUT = "a subprocess that tries no record ends as well"
    OUTSIDE = "the subprocess was ended from outside"
    HUNG = "the subprocess did not come to an end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a search: the record if one was found, and how each subprocess ended that tried it alone.

    `reason` is what the record is condemned for. Without a record, `how` tells how the deciding subprocess ended.
    `tried` is how many records survived, counted from the first, where none kills.
    """

    why: Why
    killer: Record | None = None
    how: tuple[str, ...] = ()
    tried: int = 0
    reason: str = KILLS_PROCESS


class _NoEvidence(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.how)
        self.verdict = Verdict(Why.HUNG if ending.end is End.HUNG else Why.OUTSIDE, how=(ending.how,))


Find = Callable[[Sequence[Record], Judge, Mark], Verdict]


def finder(stuck_s: float) -> Find:
    """Return the search for a process that is ended after `stuck_s` seconds without a sign of life; 0 means never.

    A record then has a quarter of these seconds of CPU time, at most `CPU_S`. So also on a busy host it stays below the
    limit, or is found.
    """
    return partial(find_killer, apart=partial(try_apart, cpu_s=min(CPU_S, stuck_s / 4) if stuck_s else CPU_S))


def find_killer(records: Sequence[Record], judge: Judge, mark: Mark, apart: Apart = try_apart) -> Verdict:
    """Judge the records in subprocesses until one is proven to end the process, or some are proven not to.

    `mark` makes durable that a record is about to be tried alone. An exception that it raises ends the search. The
    search takes one subprocess where no record kills, and five where the last one reached does.
    """
    try:
        return _search(records, judge, mark, apart)
    except _NoEvidence as fault:
        return fault.verdict


def _search(records: Sequence[Record], judge: Judge, mark: Mark, apart: Apart) -> Verdict:
    ending = _tried(records, judge, apart, time.monotonic() + TRY_S)
    if ending.end is End.SURVIVED:
        return Verdict(Why.NONE_KILLS, tried=ending.done)
    if without := _death((), judge, apart):
        return Verdict(Why.WITHOUT, how=(without.how,))
    reached = records[: ending.done + 1]
    verdict = _alone(reached[-1], judge, mark, apart)
    if verdict is None and len(reached) > 1:  # an earlier record may have left something behind
        suspect = _by_halves(reached[:-1], judge, apart)
        verdict = _alone(suspect, judge, mark, apart) if suspect else None
    return verdict or Verdict(Why.TOGETHER, how=(ending.how,))


def _alone(suspect: Record, judge: Judge, mark: Mark, apart: Apart) -> Verdict | None:
    """Gather the evidence against a record; return None if there is none."""
    mark(suspect.position)
    deaths = []
    for _ in range(DEATHS):
        death = _death((suspect,), judge, apart)
        if death is None:
            return None
        deaths.append(death)
    slow = all(death.end is End.SLOW for death in deaths)
    reason = TOO_SLOW if slow else KILLS_PROCESS
    return Verdict(Why.FOUND, suspect, tuple(death.how for death in deaths), reason=reason)


def _by_halves(records: Sequence[Record], judge: Judge, apart: Apart) -> Record | None:
    while len(records) > 1:
        middle = len(records) // 2
        halves = (records[:middle], records[middle:])
        dying = next((half for half in halves if _death(half, judge, apart)), None)
        if dying is None:
            return None
        records = dying
    return records[0]


def _death(records: Sequence[Record], judge: Judge, apart: Apart) -> Ending | None:
    """Return how a subprocess ended that judged these records, or None if it survived."""
    ending = _tried(records, judge, apart)
    return None if ending.end is End.SURVIVED else ending


def _tried(records: Sequence[Record], judge: Judge, apart: Apart, until: float | None = None) -> Ending:
    """Judge the records in a subprocess, or as many as there is time for, and return how it ended by itself."""

    def work() -> None:
        for record in records:
            judge(record)
            step()
            if until is not None and time.monotonic() >= until:
                return

    for _ in range(_TRIES):
        ending = apart(work)
        if ending.end is not End.OUTSIDE:
            break
    if ending.end in {End.OUTSIDE, End.HUNG}:
        raise _NoEvidence(ending)
    return ending
