"""``kinesis-fleet prepare``: the lease table before the first start."""

from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.kcl import leases
from consumers.kcl.aws import clients, refusals
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet prepare s3_archive.properties
  kinesis-fleet prepare --json s3_archive.properties

\b
Exit codes: 78 the configuration has faults; 69 AWS refused, or the stream is being resharded.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(file: Path, *, as_json: bool) -> None:
    """Create the lease table of FILE, and a lease for each shard at the initial position.

    The first start then does not wait at random, and its starting position is fixed from now
    on. It may be repeated: a lease that exists is never changed.
    """
    settings = load(file, CONSUMERS)
    with refusals(settings):
        prepared = leases.prepare(settings, *clients(settings))
    click.echo(msgspec.json.encode(prepared) if as_json else _words(prepared))


def _words(prepared: leases.Prepared) -> str:
    if prepared.running:
        return f"{prepared.table}: the application has run already; its leases stay as they are"
    created, existing = len(prepared.created), len(prepared.existing)
    return f"{prepared.table}: {created} leases created at {prepared.position}, {existing} kept"
