"""Finds the one record that ends the process of whoever judges it, by trying halves in a subprocess.

Only evidence condemns: three subprocesses that tried this record alone, and ended themselves. A subprocess that was
ended from outside, or that hung, is no evidence against anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from consumers.letters.trial import End, Ending, try_apart
from consumers.records import Position, Record

DEATHS = 3
_TRIES = 3  # of a step whose subprocess was ended from outside

Judge = Callable[[Record], object]
Apart = Callable[[Callable[[], object]], Ending]


class Why(Enum):
    """What a search came to. All but the first two are for people to look into."""

    NONE_KILLS = "all of them survived"
    FOUND = "one record ends the process whenever it is tried alone"
    TOGETHER = "they end the process together, and none does alone each time"
    WITHOUT = "a subprocess that tries no record ends as well"
    OUTSIDE = "the subprocess was ended from outside"
    HUNG = "the subprocess did not come to an end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search came to: the record if one is found, and how each subprocess ended that tried it alone.

    Without one, `how` says how the subprocess ended that settled it.
    """

    why: Why
    killer: Record | None = None
    how: tuple[str, ...] = ()


class _NoEvidence(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.how)
        self.verdict = Verdict(Why.HUNG if ending.end is End.HUNG else Why.OUTSIDE, how=(ending.how,))


def find_killer(
    records: Sequence[Record], judge: Judge, mark: Callable[[Position], None], apart: Apart = try_apart
) -> Verdict:
    """Judge the records in subprocesses until one of them is proven to end the process, or none is.

    `mark` makes durable that a record is about to be tried alone; what it raises ends the search. It takes about
    2 log2(n) subprocesses where one record kills, and one where none does.
    """
    try:
        return _search(records, judge, mark, apart)
    except _NoEvidence as fault:
        return fault.verdict


def _search(records: Sequence[Record], judge: Judge, mark: Callable[[Position], None], apart: Apart) -> Verdict:
    death = _death(records, judge, apart)
    if death is None:
        return Verdict(Why.NONE_KILLS)
    if without := _death((), judge, apart):
        return Verdict(Why.WITHOUT, how=(without,))
    suspect = _suspect(records, judge, apart)
    if suspect is None:
        return Verdict(Why.TOGETHER, how=(death,))
    mark(suspect.position)
    deaths = []
    for _ in range(DEATHS):
        alone = _death((suspect,), judge, apart)
        if alone is None:
            return Verdict(Why.TOGETHER, how=(death,))
        deaths.append(alone)
    return Verdict(Why.FOUND, suspect, tuple(deaths))


def _suspect(records: Sequence[Record], judge: Judge, apart: Apart) -> Record | None:
    while len(records) > 1:
        middle = len(records) // 2
        halves = (records[:middle], records[middle:])
        dying = next((half for half in halves if _death(half, judge, apart)), None)
        if dying is None:
            return None
        records = dying
    return records[0]


def _death(records: Sequence[Record], judge: Judge, apart: Apart) -> str | None:
    """Say how a subprocess ended itself that judged these, or None if it survived."""

    def work() -> None:
        for record in records:
            judge(record)

    for _ in range(_TRIES):
        ending = apart(work)
        if ending.end is not End.OUTSIDE:
            break
    if ending.end in {End.OUTSIDE, End.HUNG}:
        raise _NoEvidence(ending)
    return ending.how if ending.end is End.DIED else None
