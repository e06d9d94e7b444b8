"""The command line ``kinesis-fleet``. Only the subcommand that runs is imported."""

import importlib
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import click

from consumers import __version__
from consumers.config.rules import JAVA_AND_PYTHON

# Module of consumers.commands, each with a click command named ``command``, and a line of help.
COMMANDS: Mapping[str, str] = {
    "check": "Check a properties file, and list every fault in it.",
    "keys": "List a consumer's own keys, or write a properties file to begin with.",
    "daemon": "Check, then become the daemon that runs the consumer.",
    "prepare": "Create the lease table before a consumer's first start.",
    "start-over": "Begin with a stream that was made anew under its name.",
    "policy": "Print the IAM policy that a consumer needs.",
    "jars": "Verify or lock KCL's JARs.",
    "hours": "Say which hours are complete, and what the others wait for.",
    "audit": "Prove from S3 alone that the archive is whole.",
    "dead-letters": "List, show, put through again and purge dead letters.",
    "leases": "Say who holds which shard, and how far behind each is.",
    "watch": "See whether somebody reads each shard; 75 asks to start this host's daemon again.",
    "index-template": "Install the index template of elasticsearch_index.",
    "redshift-ddl": "Print or make the tables of redshift_stage, and the step to a new table file.",
    "redshift-load": "Copy what redshift_stage has staged into Redshift.",
    "redshift-report": "Say what of it is loaded, waits or is quarantined.",
    "redshift-quarantine": "List what COPY refuses, or try it again.",
    "cat": "Print stored records.",
    "demo": "Run everything on this machine, without an AWS account.",
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
  69  Java, a JAR or AWS is not available
  78  the configuration has faults: a restart does not help
"""


class Lazy(click.Group):
    """A group that knows its commands by name, and turns our errors into exit codes.

    An error of ours carries ``exit_code``; any other is a bug, and keeps its traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names, in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of ``cmd_name``."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"consumers.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        """Run the subcommand."""
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
    """Long-running Kinesis consumers: one daemon per consumer and host, one file of properties."""
    _take_credentials()
    same_to_both(os.environ)


def same_to_both(environment: MutableMapping[str, str]) -> None:
    """Let Java and Python read the same. An empty variable is none: Java would take an empty profile for one."""
    for java, python in JAVA_AND_PYTHON.items():
        for name in (java, python):
            if name in environment and not environment[name]:
                del environment[name]
        if value := environment.get(java) or environment.get(python):
            environment.setdefault(java, value)
            environment.setdefault(python, value)
    if "AWS_REGION" in environment:  # the one that is handed to KCL: a bucket without a region lies there too
        environment["AWS_DEFAULT_REGION"] = environment["AWS_REGION"]


def _take_credentials() -> None:
    """Let Java, Python and each shard's process read AWS's keys from a file that systemd has handed over as `aws`.

    Source: `LoadCredential` in systemd.exec(5); "Shared config and credentials files", AWS SDKs Reference Guide.
    """
    file = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "aws"
    if file.exists():
        os.environ.setdefault("AWS_SHARED_CREDENTIALS_FILE", str(file))
