"""``kinesis-fleet leases``: shows which worker holds each shard, and how far behind it is."""

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
A lease keeps its owner's name after the owner has stopped. So the command watches until each lease is renewed:
usually for a third of failoverTimeMillis, and for all of it if a lease is not renewed. It also names shards of the
stream that should have a lease and have none.
The lag is the age of the first record after the checkpoint. Reading would resume there if the shard's process died.
Exit codes: 0 each shard that is due has a lease, each open lease is renewed by its owner, and no lag exceeds
--max-lag; 1 one of these does not hold, or not within --wait; 2 wrong usage; 69 AWS refuses; 78 the configuration has
faults.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--worker", default=None, metavar="ID", help="Require a lease of this worker; 'mine' is FILE's workerId.")
@click.option(
    "--max-lag",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="Highest accepted lag.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Repeat until all holds, for at most this long; at least for failoverTimeMillis.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the shards as a JSON list.")
def command(file: Path, worker: str | None, max_lag: float, wait: float, *, as_json: bool) -> None:
    """List the leases of FILE's application, and check that each is renewed and no shard lags too far."""
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
