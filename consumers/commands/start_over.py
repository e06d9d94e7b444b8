"""``kinesis-fleet start-over``: moves an application to a stream that was deleted and created again under its name."""

import time
from pathlib import Path

import click

from consumers.config.consumer import NotForThis
from consumers.config.settings import load
from consumers.kcl import leases
from consumers.kcl.aws import clients, refusals
from consumers.kcl.beginning import clear, insist_on_higher_numbers, insist_on_names, insist_on_rest
from consumers.kcl.known import former, known_by, recalled, write_down
from consumers.kcl.leases import checkpoints_of
from consumers.registry import CONSUMERS
from consumers.stream import shards_of

EPILOG = """\b
Examples:
  kinesis-fleet start-over elasticsearch_index.properties
  kinesis-fleet start-over --yes elasticsearch_index.properties

\b
A stream that was deleted and created again has shards of the same names, but other records. The daemon refuses such a
stream. This command shows how to continue with it, and --yes does so. First stop all daemons of the application. The
leases of the former stream are removed, and new ones are created at the initial position, as prepare does. Stored data
stays.
An archive and a staging area cannot continue: they need another applicationName and another prefix.
Exit codes: 0 done, or the stream is the same as before; 1 nothing was done without --yes; 2 wrong usage; 69 AWS
refuses, or a daemon still runs; 78 the configuration has faults, or needs another name.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove the leases of the former stream and create new ones.")
def command(file: Path, *, yes: bool) -> None:
    """Show how FILE's application starts over on a stream that was created again; do it with --yes."""
    settings = load(file, CONSUMERS)
    consumer = CONSUMERS[settings.consumer]
    if consumer.state is None:
        message = f"{settings.consumer} does not write down which stream it reads"
        raise NotForThis(message)
    store, shards = consumer.state(settings.section), shards_of(settings)
    found = shards.describe()
    stream = known_by(found, settings.stream) if found else None
    if stream is None:
        message = "it is not known when the stream was created. Remedy: grant kinesis:DescribeStreamSummary on it"
        raise click.ClickException(message)
    with refusals(settings):
        kinesis, dynamodb = clients(settings)
        read = checkpoints_of(settings, dynamodb)
        known, _ = recalled(store, settings.application)
        before = former(known, stream, lambda: read)
        if known is None and not read:
            click.echo(f"{settings.application} has read nothing yet: kinesis-fleet prepare {file}, then daemon")
            return
        if before is None:
            click.echo(f"{settings.application} reads {settings.stream} as it always has: there is nothing to do")
            return
        insist_on_names(settings, consumer.section, consumer.anew)
        insist_on_rest(settings, dynamodb, time.sleep)
        insist_on_higher_numbers(settings, leases.list_all(settings, kinesis), read)
        click.echo(f"{settings.application} has read {before}; {settings.stream} is another stream now")
        click.echo(f"{len(read)} leases of the former one are to be removed, and new ones made; what was stored stays")
        if not yes:
            click.echo("nothing was done: repeat it with --yes")
            raise SystemExit(1)
        removed = clear(settings, dynamodb)
        made = leases.prepare(settings, kinesis, dynamodb)
    write_down(store, settings.application, stream)
    click.echo(f"{removed} leases removed, {len(made.created)} made at {made.position}: start the daemons")
