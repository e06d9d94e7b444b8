"""``kinesis-fleet daemon``: this process becomes the MultiLangDaemon."""

import os
import shlex
import time
from pathlib import Path

import click

from consumers.config.settings import load
from consumers.kcl.launcher import render, runtime_folder
from consumers.logs import configure, write_metrics
from consumers.metrics import document
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet daemon s3_archive.properties
  kinesis-fleet daemon --print s3_archive.properties

\b
Exit codes: 78 the configuration has faults; 69 Java 17 or a locked JAR is missing, or the
destination refuses (no bucket, no credentials, wrong region, a store that overwrites). A
destination that is away is waited for.
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
    launch = render(settings, runtime_folder(settings))
    if only_print:
        variables = [f"{name}={value}" for name, value in launch.environment.items()]
        click.echo(shlex.join(["env", *variables, *launch.command]))
        return
    configure(settings.log_level)
    CONSUMERS[settings.consumer].probe(settings.section)
    if settings.metrics_s:
        write_metrics(document(settings.application, int(time.time() * 1000), Starts=1))
    java = launch.command[0]
    os.execve(java, launch.command, {**os.environ, **launch.environment})  # noqa: S606
