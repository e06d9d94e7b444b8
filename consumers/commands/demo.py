"""``kinesis-fleet demo``: the whole fleet on one machine, with a verdict at the end."""

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
    """Refuse a value at once that would fail only once everything has started."""

    def check(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
        if value is None or re.fullmatch(pattern, value):
            return value
        message = f"{value!r} cannot be used: {remedy}"
        raise click.BadParameter(message, context, option)

    return check


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Read names by commas; none means that the machine decides."""
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
  0    every record put is in every destination exactly once, as it was put
  1    it is not, or the run failed; the logs are kept, and their place is printed
  69   this machine lacks what a consumer of --sinks needs
  130  ended by a second Ctrl-C
"""


@click.command(epilog=EPILOG)
@click.option(
    "--sinks",
    metavar="NAMES",
    callback=_names,
    help=f"Consumers by commas, of {', '.join(SINKS)}. All that this machine can run if not given.",
)
@click.option("--records", default=30_000, show_default=True, type=click.IntRange(1))
@click.option(
    "--rate",
    default=1000.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Records a second; 0 is as fast as the stream takes them.",
)
@click.option("--shards", default=4, show_default=True, type=click.IntRange(1, 100))
@click.option("--seed", type=int, help="Decides every byte put. Random by default, and printed.")
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd", "bzip2", "none"]),
    help="The archive's own default if not given.",
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
    help="Where Kinesis, DynamoDB and S3 answer instead of the embedded AWS; 'aws' is the account "
    "of your credentials, and costs money.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that keeps logs, properties, ledger, and copies of objects and dead letters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
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
    """Play viewers against the consumers, drain them, and prove what their destinations hold.

    An embedded AWS, an embedded OpenSearch and each consumer's daemon start under supervisord. Simulated
    players put records, damaged and oversized ones among them. Once all are archived and indexed the
    daemons are drained, and objects, documents and dead letters are read back and compared with what was
    put, byte for byte.

    Ctrl-C stops putting and goes on to wait, drain and audit; a second one ends at once.
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
    """Give the sinks that were asked for, or all that this machine can run, with a word on the others."""
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
    """Move the plan to an endpoint or account that other runs share: a prefix for itself."""
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
