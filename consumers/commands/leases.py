"""``kinesis-fleet leases``: who holds which shard, and how far behind each is."""

import sys
from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.kcl.aws import clients, refusals
from consumers.kcl.holding import Held
from consumers.kcl.looking import Demand, looked
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet leases s3_archive.properties
  kinesis-fleet leases --wait 120 --max-lag 60 --worker host-1-s3_archive s3_archive.properties
  kinesis-fleet leases --json s3_archive.properties | jq 'map(.lagSeconds) | max'

\b
A lease keeps the name of an owner that has stopped. So this command looks until each is renewed, mostly for a third of
failoverTimeMillis, and for all of it where one is not. Shards of the stream that have no lease, and should, are said.
The lag is the age of the first record after the checkpoint, which would be read again if the shard's process died now.
Exit codes: 0 each shard of the stream that is due has a lease, each open lease is renewed by its owner, and none is
further behind than --max-lag; 1 it is not so, or not within --wait; 2 wrong usage; 69 AWS refuses; 78 the configuration
has faults.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--worker", default=None, metavar="ID", help="Insist that this worker has a lease; 'mine' is FILE's own.")
@click.option(
    "--max-lag", type=click.FloatRange(min=0), default=300.0, show_default=True, metavar="SECONDS", help="Of any shard."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Look again until it is so, so long; at least for failoverTimeMillis.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the shards as a JSON list.")
def command(file: Path, worker: str | None, max_lag: float, wait: float, *, as_json: bool) -> None:
    """List the leases of FILE's application, and insist that all is well with them."""
    settings = load(file, CONSUMERS)
    who = settings.worker if worker == "mine" else worker
    with refusals(settings):
        found, wrong = looked(settings, clients(settings), Demand(who, max_lag, wait), _say)
    _say("")
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for one in found:
            click.echo(_line(one))
    for problem in wrong:
        click.echo(problem, err=True)
    raise SystemExit(1 if wrong else 0)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{text[:100]}\033[K", err=True, nl=False)


def _line(one: Held) -> str:
    state = "its lag is not known" if one.lag_seconds is None else f"{one.lag_seconds:,.1f} s behind"
    if one.ended:
        state = "ended"
    elif one.waits_for:
        state = f"after {one.waits_for}"
    elif not one.checkpoint:
        state = "not read"
    return f"{one.shard}  {one.owner or 'nobody':<32}  {state}"
