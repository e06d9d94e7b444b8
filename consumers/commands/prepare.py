"""``kinesis-fleet prepare``: creates the lease table before the first start, and warns of aggregates that KCL drops."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from consumers.config.settings import Settings, load
from consumers.kcl import leases
from consumers.kcl.aggregates import DISTRIBUTES_ITSELF, NO_AGGREGATES
from consumers.kcl.aws import clients, refusals
from consumers.kcl.sampling import Sample, sample
from consumers.kcl.stream_proof import prove
from consumers.registry import CONSUMERS
from consumers.stream import described, listed, request_of, shards_of
from consumers.waiting import Unavailable as Unproven

EPILOG = """\b
Examples:
  kinesis-fleet prepare s3_archive.properties
  kinesis-fleet prepare --json s3_archive.properties | jq '.aggregates.dropped'

\b
The command also reads some of the newest and oldest records of each shard, for at most 20 s. It names aggregates of
the Kinesis Producer Library that KCL would drop silently. This is a warning: the fault is in the producer.
Exit codes: 0 done, with or without warnings; 2 wrong usage; 69 AWS refused, the stream does not exist, or is being
resharded; 78 the configuration has faults, or the stream was deleted and created again under its name.
"""

_MOST_NAMED = 10
_REMEDY = (
    "Let the producer give each user record an explicit hash key within the shard, or make an aggregate for each shard "
    "(the Kinesis Producer Library does), or not aggregate"
)
_UNSEEN = "whether the stream holds aggregates that KCL drops"


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(file: Path, *, as_json: bool) -> None:
    """Create the lease table of FILE, with a lease for each shard at the initial position.

    The first start then has no random delay, and its starting position is fixed from now on. The command
    may be repeated: it never changes an existing lease.
    """
    settings = load(file, CONSUMERS)
    consumer = CONSUMERS[settings.consumer]
    store = consumer.state(settings.section) if consumer.state else None
    with suppress(Unproven):  # this host need not reach the bucket: the daemon checks again
        prove(settings, shards_of(settings), store)
    with refusals(settings):
        kinesis, dynamodb = clients(settings)
        prepared = leases.prepare(settings, kinesis, dynamodb)
    found, warnings = _looked(settings, kinesis)
    result = {**msgspec.to_builtins(prepared), "aggregates": found, "warnings": warnings}
    click.echo(msgspec.json.encode(result) if as_json else _words(prepared))
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _words(prepared: leases.Prepared) -> str:
    if prepared.running:
        return f"{prepared.table}: the application has run already; its leases stay as they are"
    created, existing = len(prepared.created), len(prepared.existing)
    return f"{prepared.table}: {created} leases created at {prepared.position}, {existing} kept"


def _looked(settings: Settings, kinesis: Any) -> tuple[Sample | None, list[str]]:  # noqa: ANN401 - boto3
    """Read some records and return the sample and its warnings. A refusal here is no failure: the leases exist."""
    warnings: list[str] = []
    name = request_of(settings)
    with _asked(warnings, "whether the stream distributes its records by itself"):
        if described(kinesis, name).distributes_itself:
            warnings.append(f"{DISTRIBUTES_ITSELF}. Remedy: {NO_AGGREGATES}")
    with _asked(warnings, _UNSEEN):
        found = sample(settings, kinesis, listed(kinesis, name))
        return found, [*warnings, *_said(found)]
    return None, warnings


@contextmanager
def _asked(warnings: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as refusal:
        code = refusal.response.get("Error", {}).get("Code", "unknown")
        warnings.append(f"{what} is not known: {refusal.operation_name} was refused ({code})")
    except BotoCoreError as fault:
        warnings.append(f"{what} is not known: {type(fault).__name__}")


def _said(found: Sample) -> Iterator[str]:
    unseen = found.of_shards - found.shards
    if unseen:
        yield f"{_UNSEEN} is not known of {unseen} of {found.of_shards} shards: try again later"
    for one in found.dropped[:_MOST_NAMED]:
        what = f"the aggregate {one.sequence_number} of {one.user_records} user records"
        yield f"{one.shard}: KCL will not deliver {what}: number {one.at}, from 0, {one.why}"
    if found.dropped:
        share = f"{len(found.dropped)} of {found.aggregates} aggregates among {found.records} records"
        yield f"KCL will not deliver {share} that were looked at. {_REMEDY}"
