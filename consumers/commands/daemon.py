"""``kinesis-fleet daemon``: this process becomes the MultiLangDaemon."""

import os
import shlex
import time
from pathlib import Path

import click

from consumers.config.settings import Settings, load
from consumers.kcl.alone import hold
from consumers.kcl.launcher import render, runtime_folder
from consumers.kcl.rivals import RUN, WrittenRuns
from consumers.logs import configure, logger, write_metrics
from consumers.metrics import document
from consumers.readiness import insist
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet daemon s3_archive.properties
  kinesis-fleet daemon --print s3_archive.properties

\b
Exit codes: 78 the configuration has faults; 69 Java 17 or a locked JAR is missing, or the
destination refuses (no bucket, no credentials, wrong region, a store that overwrites), or a
daemon of this workerId runs on this host. A destination that is away is waited for.
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
    if not only_print:
        hold(settings)  # first: what the other one reads must not be written anew
    launch = render(settings, runtime_folder(settings))
    if only_print:
        variables = [f"{name}={value}" for name, value in launch.environment.items()]
        click.echo(shlex.join(["env", *variables, *launch.command]))
        return
    configure(settings.log_level)
    CONSUMERS[settings.consumer].probe(settings.section)
    environment = {**os.environ, **launch.environment, **_written_down(settings)}
    if settings.metrics_s:
        write_metrics(document(settings.application, int(time.time() * 1000), Starts=1))
    os.execve(launch.command[0], launch.command, environment)  # noqa: S606


def _written_down(settings: Settings) -> dict[str, str]:
    """Write down that this worker starts here; what its shards' processes know each other by."""
    consumer = CONSUMERS[settings.consumer]
    if consumer.state is None:
        return {}
    runs = WrittenRuns(consumer.state(settings.section), settings.application, settings.worker, logger())
    return {RUN: insist(f"consumer {settings.consumer}", runs.begin)}
