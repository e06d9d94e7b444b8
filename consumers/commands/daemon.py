"""``kinesis-fleet daemon``: this process becomes the MultiLangDaemon."""

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
Exit codes: 78 the configuration has faults, or the stream was made anew under its name; 69 Java
17 or a locked JAR is missing, the stream is not there, the destination refuses (no bucket, no
credentials, wrong region, a store that overwrites), or a daemon of this workerId runs on this
host. What is away is waited for.
Once Java runs, its own: 0 or 143 after SIGTERM, 1 when a child or KCL failed.

The files that Java reads are written into RUNTIME_DIRECTORY, which systemd gives to a unit with
RuntimeDirectory=, or else into a private folder among the temporary files.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--print", "only_print", is_flag=True, help="Print the command, and do not run it.")
def command(file: Path, *, only_print: bool) -> None:
    """Check FILE and run its consumer until SIGTERM, which drains it."""
    settings = load(file, CONSUMERS)
    if only_print:
        launch = render(settings, runtime_folder(settings))
        variables = [f"{name}={value}" for name, value in launch.environment.items()]
        click.echo(shlex.join(["env", *variables, *launch.command]))
        return
    with hold(settings):  # first: what another one reads must not be written anew
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
    """Write down that this worker starts here; what its shards' processes know each other by."""
    if store is None:
        return {}
    runs = WrittenRuns(store, settings.application, settings.worker, logger())
    return {RUN: insist(f"consumer {settings.consumer}", runs.begin)}
