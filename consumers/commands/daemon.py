"""``kinesis-fleet daemon``: checks the configuration, then replaces this process by the MultiLangDaemon."""

import os
import shlex
import time
from pathlib import Path
from typing import NoReturn

import click

from consumers.chain.store import ObjectStore
from consumers.config.settings import Settings, load
from consumers.kcl.alone import hold
from consumers.kcl.credentials import insist_that_java_finds_them
from consumers.kcl.launcher import render, runtime_folder
from consumers.kcl.rivals import RUN, WrittenRuns
from consumers.kcl.stream_proof import prove
from consumers.logs import configure, logger, write_metrics
from consumers.metrics import document
from consumers.readiness import insist
from consumers.registry import CONSUMERS
from consumers.stream import shards_of

EPILOG = """\b
Examples:
  kinesis-fleet daemon s3_archive.properties
  kinesis-fleet daemon --print s3_archive.properties

\b
Exit codes:
  69  Java 17 or later or a locked JAR is missing, the stream does not exist, the destination
      refuses (no bucket, no credentials, wrong region, a store that overwrites), or another
      daemon of this workerId runs on this host
  78  the configuration has faults, or the stream was deleted and created again under its name
The command waits for a service that does not answer.
Once Java runs, the exit code is Java's: 0 or 143 after SIGTERM, 1 if a child or KCL failed.

The files that Java reads are written to RUNTIME_DIRECTORY, which systemd sets for a unit with
RuntimeDirectory=. Without it, they are written to a private folder in the temporary directory.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--print", "only_print", is_flag=True, help="Print the command without running it.")
def command(file: Path, *, only_print: bool) -> None:
    """Check FILE and run its consumer until SIGTERM, which drains it."""
    settings = load(file, CONSUMERS)
    if only_print:
        launch = render(settings, runtime_folder(settings))
        variables = [f"{name}={value}" for name, value in launch.environment.items()]
        click.echo(shlex.join(["env", *variables, *launch.command]))
        return
    with hold(settings):  # first: another daemon's files must not be overwritten
        _become_java(settings)


def _become_java(settings: Settings) -> NoReturn:
    launch = render(settings, runtime_folder(settings))
    configure(settings.log_level)
    insist_that_java_finds_them(settings, os.environ)
    consumer = CONSUMERS[settings.consumer]
    consumer.probe(settings.section)
    store = consumer.state(settings.section) if consumer.state else None
    insist(f"stream {settings.stream}", lambda: prove(settings, shards_of(settings), store, logger()))
    environment = {**os.environ, **launch.environment, **_written_down(settings, store)}
    if settings.metrics_s:
        write_metrics(document(settings.application, int(time.time() * 1000), Starts=1))
    os.execve(launch.command[0], launch.command, environment)  # noqa: S606


def _written_down(settings: Settings, store: ObjectStore | None) -> dict[str, str]:
    """Store that this worker starts here, and return the variable by which the processes of one run know each other."""
    if store is None:
        return {}
    runs = WrittenRuns(store, settings.application, settings.worker, logger())
    return {RUN: insist(f"consumer {settings.consumer}", runs.begin)}
