"""``kinesis-fleet prepare``: the lease table before the first start."""

from pathlib import Path

import boto3
import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from consumers.config.settings import Settings, load
from consumers.kcl import leases
from consumers.kcl.jars import Unavailable
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
    try:
        prepared = leases.prepare(settings, *_clients(settings))
    except (BotoCoreError, ClientError) as error:
        message = f"{error}. Check credentials, region, endpoints and the role's permissions."
        raise Unavailable(message) from error
    click.echo(msgspec.json.encode(prepared) if as_json else _words(prepared))


def _clients(settings: Settings) -> tuple[object, object]:
    region, kcl = settings.kcl.get("regionName"), settings.kcl
    kinesis = boto3.client("kinesis", region, endpoint_url=kcl.get("kinesisEndpoint"))
    dynamodb = boto3.client("dynamodb", region, endpoint_url=kcl.get("dynamoDBEndpoint"))
    return kinesis, dynamodb


def _words(prepared: leases.Prepared) -> str:
    if prepared.running:
        return f"{prepared.table}: the application has run already; its leases stay as they are"
    created, existing = len(prepared.created), len(prepared.existing)
    return f"{prepared.table}: {created} leases created at {prepared.position}, {existing} kept"
