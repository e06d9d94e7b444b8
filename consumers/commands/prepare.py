"""``kinesis-fleet prepare``: the lease table before the first start."""

from pathlib import Path

import boto3
import click
import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

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

_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound)


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
        message = f"{str(error).rstrip('.')}. {_remedy(error, settings)}."
        raise Unavailable(message) from error
    click.echo(msgspec.json.encode(prepared) if as_json else _words(prepared))


def _remedy(error: BotoCoreError | ClientError, settings: Settings) -> str:
    if isinstance(error, NoRegionError):
        return "Set regionName to the region of the stream"
    if isinstance(error, _NO_CREDENTIALS):
        return "Give the host a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ClientError) and _is_no_stream(error):
        key = "streamArn" if "streamArn" in settings.kcl else "streamName"
        return f"Correct {key} ({settings.stream}), or regionName: the stream is not there"
    return "Check credentials, region, endpoints and the role's permissions"


def _is_no_stream(error: ClientError) -> bool:
    missing: bool = error.response["Error"]["Code"] == "ResourceNotFoundException"
    return missing and error.operation_name == "ListShards"


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
