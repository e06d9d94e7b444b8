"""``kinesis-fleet hours``: shows which hours are complete and what the others wait for."""

import sys
from pathlib import Path

import click
import msgspec

from consumers.audit.place import hours_given, hours_of, hours_store_for, layouts_of, refuse_another
from consumers.audit.report import HoursReport, HourState
from consumers.config.settings import load
from consumers.hours.hours import read_frontier
from consumers.hours.times import hour_of
from consumers.records import HOUR_MS
from consumers.registry import CONSUMERS
from consumers.stream import shards_of

EPILOG = """\b
Examples:
  kinesis-fleet hours s3_archive.properties
  kinesis-fleet hours --from 2026-01-31T20 --to 2026-01-31T23 s3_archive.properties
  kinesis-fleet hours --json s3_archive.properties | jq -c 'select(.state == "waiting")'

\b
Hours are UTC, and both ends are included. Default of --to: the last hour that has ended; of --from: 24 hours in all.
  complete     _SUCCESS exists; a revision above 1 means that records came later
  incomplete   _INCOMPLETE exists: records may be missing for good; the reasons follow
  waiting      the hour has ended, and shards are behind; shows each shard's watermark lag, the time waited, a remedy
  open         the hour has not ended yet
  gone         the hour was decided, and its marker was deleted
  before the first   the archive, or the staging area, began later

\b
Exit codes: 0 each hour is complete, open or before the first; 1 an hour is not; 2 wrong usage; 69 AWS refuses;
78 the configuration has faults.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "first", default="", metavar="HOUR", help="First hour (2026-01-31T23) or day.")
@click.option("--to", "last", default="", metavar="HOUR", help="Last hour or day.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(file: Path, first: str, last: str, *, as_json: bool) -> None:
    """Show which hours of FILE's archive or staging area are complete, and what the others wait for."""
    settings = load(file, CONSUMERS)
    store, place = hours_store_for(settings), hours_of(settings)
    refuse_another(store, place)
    frontier, _ = read_frontier(store, place)
    ended_ms = hour_of(store.now_ms()) - HOUR_MS
    first_ms, last_ms = hours_given(first, last, (ended_ms - 23 * HOUR_MS, ended_ms))
    report = HoursReport(store, place, layouts_of(store, place), shards_of(settings))
    states = list(report.states(first_ms, last_ms, frontier))
    if as_json:
        for state in states:
            click.echo(msgspec.json.encode(state))
    elif sys.stdout.isatty():
        _table(states)
    else:
        for state in states:
            click.echo(_line(state))
    raise SystemExit(1 if any(state.state in {"waiting", "incomplete", "gone"} for state in states) else 0)


def _line(state: HourState) -> str:
    return "  ".join(part for part in (state.hour, f"{state.state:<10}", *_details(state)) if part).rstrip()


def _details(state: HourState) -> list[str]:
    details = [f"{state.totals.objects:,} objects, {state.totals.records:,} records"] if state.revision else []
    if state.revision > 1:
        details.append(f"revision {state.revision}")
    details += state.reasons
    for one in state.waits_for:
        lag = "" if one.lag_seconds is None else f" ({one.watermark}, lag {one.lag_seconds:,} s)"
        details.append(f"{one.shard}: {one.why}{lag}")
    if state.waited_seconds:
        details.append(f"it waits for {state.waited_seconds:,} s")
    details += dict.fromkeys(f"remedy: {one.remedy}" for one in state.waits_for)
    if state.state == "waiting" and not state.waits_for:
        details.append("every shard has passed: the next watermark decides it")
    return details


def _table(states: list[HourState]) -> None:
    from rich.console import Console  # noqa: PLC0415 - needed only on a terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    colours = {"complete": "green", "incomplete": "red", "waiting": "yellow"}
    table = Table("hour (UTC)", "state", "")
    for state in states:
        table.add_row(state.hour, Text(state.state, style=colours.get(state.state, "")), "\n".join(_details(state)))
    Console().print(table)
