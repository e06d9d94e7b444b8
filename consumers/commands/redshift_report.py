"""``kinesis-fleet redshift-report``: reports what is staged, loaded, waiting and quarantined, for people and cron."""

from contextlib import closing
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from consumers.audit.place import hour_given
from consumers.config.settings import load
from consumers.letters.choosing import milliseconds
from consumers.records import HOUR_MS
from consumers.redshift.gate import HourGate, gate
from consumers.redshift.opening import database_of, insist_on_redshift, names_of
from consumers.redshift.report import lines_of, look, report
from consumers.redshift.settings import layout_of, store_of
from consumers.redshift.staged import StagedArea
from consumers.registry import CONSUMERS

_LONGEST_MS = 366 * 24 * HOUR_MS

EPILOG = """\b
Examples:
  kinesis-fleet redshift-report redshift_stage.properties
  kinesis-fleet redshift-report --max-age 15m redshift_stage.properties
  kinesis-fleet redshift-report --hour 2026-01-31T23 redshift_stage.properties && run-the-report
  kinesis-fleet redshift-report --json redshift_stage.properties | jq .oldestWaitingSeconds

\b
Hours are UTC, by the arrival time of the records. Pruned objects count as loaded, not as staged.
Exit codes: 0 all is loaded, or waits for less than --max-age; 1 something waits for longer, or needs an operator
(quarantined, missing or unreadable), or the hour of --hour is not complete; 2 wrong usage; 69 the database or the
bucket is unavailable or refuses; 78 the configuration has faults.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--max-age", default="1h", show_default=True, metavar="TIME", help="Longest wait of a record: 15m, 1h.")
@click.option("--hour", default="", metavar="HOUR", help="Only report whether this hour (2026-01-31T23) is complete.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, max_age: str, hour: str, *, as_json: bool) -> None:
    """Count by hour what redshift_stage of FILE has staged, and what of it is loaded, waiting or quarantined."""
    limit_ms = milliseconds(max_age, "--max-age", _LONGEST_MS)
    settings = load(file, CONSUMERS)
    section = insist_on_redshift(settings)
    hour_ms = hour_given(hour, "--hour", 0) if hour else None
    store, layout, names = store_of(section), layout_of(settings), names_of(section)
    area = StagedArea(store, layout)
    with closing(database_of(section)) as database:
        if hour_ms is not None:
            _say(gate(store, layout, database, names, hour_ms), as_json=as_json)
        found = report(look(store, area, database, names), area.hour_of)
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(lines_of(found)))
    late = found.oldest_waiting_seconds is not None and found.oldest_waiting_seconds * 1000 > limit_ms
    raise SystemExit(1 if late or found.problems else 0)


def _say(found: HourGate, *, as_json: bool) -> NoReturn:
    click.echo(msgspec.json.encode(found) if as_json else str(found))
    raise SystemExit(0 if found.complete else 1)
