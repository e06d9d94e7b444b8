"""``kinesis-fleet redshift-load``: loads staged objects into Redshift, once or continuously."""

import signal
import time
from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.logs import configure, logger
from consumers.redshift.loader import Totals
from consumers.redshift.opening import bounds_of, database_of, insist_on_redshift, loader_of
from consumers.redshift.service import Service
from consumers.redshift.windows import windows_of
from consumers.registry import CONSUMERS
from consumers.waiting import DeadlineReached, Patience

EPILOG = """\b
Examples:
  kinesis-fleet redshift-load redshift_stage.properties
  kinesis-fleet redshift-load --follow redshift_stage.properties
  kinesis-fleet redshift-load --json --patience 60 redshift_stage.properties | jq .rows

\b
The loader may be stopped at any time, and several may run at once: the ledger records what is loaded.
Exit codes: 0 all that was staged is loaded, or loading is not allowed now (redshift.noLoad); 1 an operator is needed:
objects are quarantined, missing or unreadable; 2 wrong usage; 69 the database or the bucket is unavailable or refuses;
78 the configuration has faults.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--follow", is_flag=True, help="Run until stopped, as a service.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="Without --follow: how long to wait for a database that is unavailable.",
)
@click.option("--json", "as_json", is_flag=True, help="Without --follow: print the result as one JSON object.")
def command(file: Path, *, follow: bool, patience: float, as_json: bool) -> None:
    """Load the objects that redshift_stage of FILE has staged."""
    settings = load(file, CONSUMERS)
    section = insist_on_redshift(settings)
    configure(settings.log_level)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _stop)
    database = database_of(section)
    log = logger()
    waiting = Patience(time.sleep, time.monotonic, log)
    service = Service(loader_of(settings, database, log), bounds_of(section), windows_of(section.no_load), waiting)
    try:
        if follow:
            service.follow()
        service.once(patience)
    except DeadlineReached as fault:
        click.echo(f"{fault}: nothing more is tried after {patience:g} s", err=True)
        _print(service.totals, as_json=as_json)
        raise SystemExit(69) from fault
    finally:
        database.close()
    _print(service.totals, as_json=as_json)
    raise SystemExit(1 if service.totals.quarantined or service.totals.problems else 0)


def _stop(*_: object) -> None:
    """Exit at once. An uncommitted transaction is rolled back, and the next loader loads its objects."""
    raise SystemExit(0)


def _print(totals: Totals, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(totals))
        return
    click.echo(
        f"{totals.rows:,} rows of {totals.objects:,} objects in {totals.loads:,} loads; "
        f"{totals.waiting:,} wait, {totals.quarantined:,} quarantined"
    )
    for key, reason in totals.problems.items():
        click.echo(f"{key}: {reason}", err=True)
