"""Counts of what is staged, loaded, waiting and quarantined, by the hour of arrival: from S3 and the ledger alone."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from consumers.chain.store import Entry, ObjectStore
from consumers.hours.times import hour_text
from consumers.objects.codecs import Garbled
from consumers.redshift.continuity import doubled, gaps
from consumers.redshift.database import Database
from consumers.redshift.ledger import LOADED, QUARANTINED, Done, done, reading
from consumers.redshift.names import Names
from consumers.redshift.staged import Staged, StagedArea


class HourLine(msgspec.Struct, rename="camel"):
    """The numbers of one hour: objects, and rows of those that are loaded, waiting or quarantined."""

    hour: str
    staged: int = 0
    loaded: int = 0
    waiting: int = 0
    quarantined: int = 0
    loaded_rows: int = 0
    waiting_rows: int = 0
    quarantined_rows: int = 0


class Report(msgspec.Struct, rename="camel"):
    """The report. `oldest_waiting_seconds` is the age of the oldest waiting record; `problems` need an operator."""

    hours: list[HourLine]
    oldest_waiting_seconds: float | None
    problems: list[str]


class Look(NamedTuple):
    """One look at both sides: the listing, the ledger, and the objects that wait."""

    entries: list[Entry]
    ledger: dict[str, Done]
    waiting: list[Staged]
    now_ms: int


def look(store: ObjectStore, area: StagedArea, database: Database, names: Names) -> Look:
    """Read the listing, then the ledger: an object that is loaded and pruned meanwhile then does not count as waiting.

    Raises:
        Unavailable: the bucket or the database is away.
    """
    entries = list(area.entries())
    oldest = area.hour_of(entries[0].key) if entries else None
    ledger = done(names, database.ask(reading(names, oldest)))
    waiting: list[Staged] = []
    for entry in entries:
        with suppress(Garbled):  # the report lists it among the problems
            staged = None if entry.key in ledger else area.read(entry)
            waiting += [staged] if staged else []
    return Look(entries, ledger, waiting, store.now_ms())


def report(found: Look, hour_of: Callable[[str], int]) -> Report:
    """Count by hour. An object that is in the ledger and was pruned counts as loaded, not as staged."""
    lines: dict[int, HourLine] = defaultdict(lambda: HourLine(""))
    problems: list[str] = []
    unread = set[str]()
    entries, ledger, waiting, now_ms = found
    known = {staged.key for staged in waiting}
    for entry in entries:
        lines[hour_of(entry.key)].staged += 1
        if entry.key not in ledger and entry.key not in known:
            unread.add(entry.key)
    for one in ledger.values():
        _count(lines[one.hour_ms], one)
    for staged in waiting:
        line = lines[staged.hour_ms]
        line.waiting += 1
        line.waiting_rows += staged.rows
    problems += [f"{key}: it cannot be read, or is gone" for key in sorted(unread)]
    problems += [f"{one.key}: quarantined" for one in ledger.values() if one.status == QUARANTINED]
    for look_for in (doubled, gaps):
        problems += [f"{key}: {reason}" for key, reason in look_for(ledger.values(), waiting)]
    oldest = min((staged.link.min_arrival_ms for staged in waiting), default=None)
    for hour_ms, line in lines.items():
        line.hour = hour_text(hour_ms)
    return Report(
        [lines[hour_ms] for hour_ms in sorted(lines)],
        None if oldest is None else round(max(now_ms - oldest, 0) / 1000, 1),
        problems,
    )


def _count(line: HourLine, done: Done) -> None:
    if done.status == LOADED:
        line.loaded += 1
        line.loaded_rows += done.rows
    else:
        line.quarantined += 1
        line.quarantined_rows += done.rows


def lines_of(found: Report) -> Iterator[str]:
    """Write the report as lines of text."""
    titles = (("hour (UTC)", -15), ("staged", 8), ("loaded", 8), ("waiting", 9), ("quarantined", 13))
    yield "".join(f"{title:<{-wide}}" if wide < 0 else f"{title:>{wide}}" for title, wide in titles) + (
        f"{'rows loaded':>14}{'rows waiting':>14}"
    )
    for line in found.hours:
        yield (
            f"{line.hour:<15}{line.staged:>8,}{line.loaded:>8,}{line.waiting:>9,}{line.quarantined:>13,}"
            f"{line.loaded_rows:>14,}{line.waiting_rows:>14,}"
        )
    if found.oldest_waiting_seconds is not None:
        yield f"the oldest record that waits arrived {found.oldest_waiting_seconds:,.0f} s ago"
    yield from found.problems
