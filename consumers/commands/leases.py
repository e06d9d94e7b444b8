"""``kinesis-fleet leases``: who holds which shard, and how far behind each is."""

import sys
import time
from pathlib import Path

import click
import msgspec

from consumers.config.settings import Settings, load
from consumers.kcl.aws import clients, refusals
from consumers.kcl.holding import Held, held, unsettled
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet leases s3_archive.properties
  kinesis-fleet leases --wait 120 --max-lag 60 --worker host-1-s3_archive s3_archive.properties
  kinesis-fleet leases --json s3_archive.properties | jq 'map(.lagSeconds) | max'

\b
The lag is of the checkpoint: what would be read again if the shard's process died now. A lease keeps the name of an
owner that has stopped; with --wait each must be renewed while this command looks.
Exit codes: 0 each open shard has an owner, and none is further behind than --max-lag; 1 it is not so, or not within
--wait; 2 wrong usage; 69 AWS refuses; 78 the configuration has faults.
"""

_LOOK_S = 1.0


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--worker", default=None, metavar="ID", help="Insist that this worker has a lease; 'mine' is FILE's own.")
@click.option(
    "--max-lag", type=click.FloatRange(min=0), default=300.0, show_default=True, metavar="SECONDS", help="Of any shard."
)
@click.option(
    "--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Look again until it is so, so long."
)
@click.option("--json", "as_json", is_flag=True, help="Print the leases as a JSON list.")
def command(file: Path, worker: str | None, max_lag: float, wait: float, *, as_json: bool) -> None:
    """List the leases of FILE's application, and insist that all is well with them."""
    settings = load(file, CONSUMERS)
    who = settings.worker if worker == "mine" else worker
    with refusals(settings):
        found, problems = _looked(settings, who, max_lag, wait)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for one in found:
            click.echo(_line(one))
    for problem in problems:
        click.echo(problem, err=True)
    raise SystemExit(1 if problems else 0)


def _looked(settings: Settings, worker: str | None, max_lag: float, wait: float) -> tuple[list[Held], list[str]]:
    kinesis, dynamodb = clients(settings)
    until = time.monotonic() + wait
    before: dict[str, int] | None = None
    while True:
        found = held(settings, kinesis, dynamodb)
        problems = unsettled(found, worker, max_lag, before)
        if before is None and wait:
            before = {one.shard: one.renewals for one in found}
            problems = problems or ["it has just begun to look"]
        if not problems or time.monotonic() >= until:
            return found, problems
        if sys.stderr.isatty():
            click.echo(f"\r{len(problems)} things are not as they should be: {problems[0]}\033[K", err=True, nl=False)
        time.sleep(_LOOK_S)


def _line(one: Held) -> str:
    state = "ended" if one.ended else f"{one.lag_seconds or 0:,.1f} s behind"
    return f"{one.shard}  {one.owner or 'nobody':<32}  {state}"
