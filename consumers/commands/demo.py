"""``kinesis-fleet demo``: runs the whole fleet on one machine and ends with a verdict."""

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import click

from consumers.local.conduct import conduct
from consumers.local.plan import EMBEDDED_REGION, Plan
from consumers.local.sink import Sink
from consumers.local.sinks import SINKS, asked_for, available_bytes, fitting

_ACCOUNT = "aws"
_SEEDS = 2**32

Callback = Callable[[click.Context, click.Parameter, str | None], str | None]


def _shaped(pattern: str, remedy: str) -> Callback:
    """Return a callback that refuses a malformed value at once, instead of after everything has started."""

    def check(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
        if value is None or re.fullmatch(pattern, value):
            return value
        message = f"{value!r} cannot be used: {remedy}"
        raise click.BadParameter(message, context, option)

    return check


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Parse a comma-separated list of sinks. Without the option, return none: the machine's resources decide."""
    names = tuple(dict.fromkeys(part.strip() for part in (value or "").split(",") if part.strip()))
    unknown = [name for name in names if name not in SINKS]
    if unknown or (value is not None and not names):
        message = f"{', '.join(unknown) or 'nothing'} is no consumer: give of {', '.join(SINKS)}, by commas"
        raise click.BadParameter(message, context, option)
    return names


EPILOG = """\b
Examples:
  kinesis-fleet demo
  kinesis-fleet demo --sinks s3_archive --records 5000 --compression zstd --keep run/zstd
  kinesis-fleet demo --json | jq .sinks.elasticsearch_index.verdict.search

\b
Exit codes:
  0    each destination has every record put exactly once, unaltered, or as a dead letter
  1    it has not, or the run failed; the logs are kept, and their path is printed
  69   this machine lacks what a consumer of --sinks needs
  130  ended by a second Ctrl-C
"""


@click.command(epilog=EPILOG)
@click.option(
    "--sinks",
    metavar="NAMES",
    callback=_names,
    help=f"Comma-separated consumers: {', '.join(SINKS)}. Default: all that this machine can run.",
)
@click.option("--records", default=30_000, show_default=True, type=click.IntRange(1))
@click.option(
    "--rate",
    default=1000.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Records per second; 0 means as fast as the stream takes them.",
)
@click.option("--shards", default=4, show_default=True, type=click.IntRange(1, 100))
@click.option("--seed", type=int, help="Seed of all data that is put. Random by default, and printed.")
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd", "bzip2", "none"]),
    help="Compression of the archive. Default: the archive's own.",
)
@click.option(
    "--stream",
    default="player-events",
    show_default=True,
    callback=_shaped(r"[a-zA-Z0-9_.-]{1,128}", "give up to 128 letters, digits, _ . and -"),
)
@click.option(
    "--bucket",
    default="player-archive",
    show_default=True,
    callback=_shaped(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "give 3 to 63 lower-case letters, digits, dots and hyphens"),
)
@click.option(
    "--prefix",
    default="archive",
    show_default=True,
    callback=_shaped(r".*[^/].*", "give at least one letter, since the audit reads all that lies under it"),
)
@click.option(
    "--endpoint",
    metavar="URL|aws",
    callback=_shaped(r"aws|https?://[^\s/]+/?", "give http(s)://host[:port], or aws"),
    help="Endpoint of Kinesis, DynamoDB and S3 instead of the embedded AWS; 'aws' is the account "
    "of your credentials, and costs money.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for logs, properties, ledger, and copies of objects and dead letters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(  # noqa: PLR0913 - one parameter per option, as click wants it
    *,
    sinks: tuple[str, ...],
    records: int,
    rate: float,
    shards: int,
    seed: int | None,
    compression: str | None,
    stream: str,
    bucket: str,
    prefix: str,
    endpoint: str | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Run simulated players against the consumers, drain them, and verify their destinations.

    An embedded AWS, an OpenSearch, a stand-in for Redshift and each consumer's daemon start under
    supervisord, with the loader beside them. Simulated players put records, some of them damaged or
    oversized. Once the consumers have stored all records, the daemons are drained and the last rows are
    loaded. Then objects, documents, rows and dead letters are read back and compared with the records
    that were put.

    The first Ctrl-C stops putting, then waits, drains and audits. A second one ends the run at once.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        message = f"{keep} is not empty: give another directory, so that two runs never mix"
        raise click.UsageError(message)
    chosen = _chosen(sinks, embedded=endpoint is None)
    plan = Plan(
        stream=stream,
        bucket=bucket,
        prefix=prefix.strip("/"),
        application=f"demo-{secrets.token_hex(4)}",
        region=EMBEDDED_REGION,
        endpoint=None,
        embedded=True,
        shards=shards,
        records=records,
        rate=rate,
        seed=secrets.randbelow(_SEEDS) if seed is None else seed,
        compression=compression,
    )
    plan = plan if endpoint is None else _elsewhere(plan, endpoint)
    raise SystemExit(conduct(plan, chosen, keep, machine=as_json))


def _chosen(names: tuple[str, ...], *, embedded: bool) -> list[Sink]:
    """Return the sinks that were asked for, or all that this machine can run. Print why others are left out."""
    if not names:
        found, left_out = fitting(embedded=embedded, available_bytes=available_bytes())
        for sentence in left_out:
            click.echo(sentence, err=True)
        return found
    for name in names:
        server = SINKS[name].server
        if server is not None and not embedded:
            message = f"{name} is not for --endpoint: only the embedded AWS has {server.title} beside it"
            raise click.UsageError(message)
    return asked_for(names)


def _elsewhere(plan: Plan, endpoint: str) -> Plan:
    """Return the plan for an endpoint or account that other runs share: with a prefix of its own."""
    # boto3 reads AWS_DEFAULT_REGION and profiles only, the JVM AWS_REGION first.
    region = os.environ.get("AWS_REGION") or boto3.Session().region_name
    if region is None:
        message = "no region is set: export AWS_REGION, or choose a profile that has one"
        raise click.UsageError(message)
    return replace(
        plan,
        embedded=False,
        endpoint=None if endpoint == _ACCOUNT else endpoint,
        region=region,
        prefix=f"{plan.prefix}/{plan.application}",
    )
