"""The command line ``kinesis-fleet``. Only the subcommand that runs is imported."""

import importlib
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import click

from consumers import __version__
from consumers.config.rules import JAVA_AND_PYTHON

# Modules of consumers.commands, each with a click command named ``command``, and its line of help.
COMMANDS: Mapping[str, str] = {
    "check": "Check a properties file and list all its faults.",
    "keys": "List a consumer's own keys, or print a properties file to start from.",
    "daemon": "Check the configuration, then run the consumer's daemon.",
    "prepare": "Create the lease table before a consumer's first start.",
    "start-over": "Start over on a stream that was deleted and created again under the same name.",
    "policy": "Print the IAM policy that a consumer needs.",
    "jars": "Verify or lock KCL's JARs.",
    "hours": "Show which hours are complete, and what the others wait for.",
    "audit": "Verify, from S3 alone, that the archive is complete and unaltered.",
    "dead-letters": "List, show, redrive and purge dead letters.",
    "leases": "Show which worker holds each shard, and how far behind it is.",
    "watch": "Check that each shard is being read. Exit code 75: restart this host's daemon.",
    "index-template": "Install the index template of elasticsearch_index.",
    "redshift-ddl": "Print or create the tables of redshift_stage, and upgrade them to a new table file.",
    "redshift-load": "Load the objects staged by redshift_stage into Redshift.",
    "redshift-report": "Show which staged objects are loaded, waiting or quarantined.",
    "redshift-quarantine": "List the objects that COPY refuses, or retry them.",
    "cat": "Print the records of stored objects.",
    "demo": "Run the whole fleet on this machine, without an AWS account.",
}

EPILOG = """\b
Examples:
  kinesis-fleet check s3_archive.properties
  kinesis-fleet prepare s3_archive.properties
  kinesis-fleet daemon s3_archive.properties
  kinesis-fleet daemon --print s3_archive.properties

\b
Exit codes:
  0   done
  2   wrong usage of the command line
  69  Java, a JAR, AWS or the destination is not available, or refuses
  78  the configuration has faults; a restart does not help
The help of each command lists its own exit codes.
"""


class Lazy(click.Group):
    """A group that imports a command when it runs, and turns the fleet's own errors into exit codes.

    An error of the fleet has an attribute ``exit_code``. Any other error is a bug, and keeps its traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of the commands, in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of ``cmd_name``, and return its command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"consumers.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        """Run the subcommand, and exit with the code of an error of the fleet."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            exit_code = getattr(error, "exit_code", None)
            if exit_code is None:
                raise
            click.echo(error, err=True)
            ctx.exit(exit_code)


@click.group(
    cls=Lazy,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="kinesis-fleet")
def main() -> None:
    """Run long-lived Kinesis consumers: one daemon per consumer and host, one properties file per consumer."""
    _take_credentials()
    same_to_both(os.environ)


def same_to_both(environment: MutableMapping[str, str]) -> None:
    """Set each AWS variable that Java and Python name differently to the same value under both names.

    An empty variable counts as unset and is removed: Java would take an empty profile for the name of one.
    """
    for java, python in JAVA_AND_PYTHON.items():
        for name in (java, python):
            if name in environment and not environment[name]:
                del environment[name]
        if value := environment.get(java) or environment.get(python):
            environment.setdefault(java, value)
            environment.setdefault(python, value)
    if "AWS_REGION" in environment:  # KCL gets it, so a bucket without a region lies there too
        environment["AWS_DEFAULT_REGION"] = environment["AWS_REGION"]


def _take_credentials() -> None:
    """Use the AWS keys that systemd passes as the credential `aws`, in Java, Python and each shard's process.

    Source: `LoadCredential` in systemd.exec(5); "Shared config and credentials files", AWS SDKs Reference Guide.
    """
    file = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "aws"
    if file.exists():
        os.environ.setdefault("AWS_SHARED_CREDENTIALS_FILE", str(file))
