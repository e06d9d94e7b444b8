"""``kinesis-fleet jars``: compares KCL's JARs with their lock file, or writes it."""

import click
import msgspec

from consumers.kcl import jars

EPILOG = """\b
Examples:
  kinesis-fleet jars verify
  kinesis-fleet jars verify --json | jq .differences
  kinesis-fleet jars lock    # in a checkout, after an intended update of amazon_kclpy

\b
Exit codes: 0 all JARs match the lock; 2 wrong usage; 69 a JAR is missing or has changed, or amazon_kclpy is not
installed.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Verify or lock KCL's JARs. amazon_kclpy downloads them without a checksum."""


@command.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def verify(*, as_json: bool) -> None:
    """Compare each installed JAR with its locked SHA-256."""
    folder, lock = jars.folder(), jars.locked()
    if as_json:
        told = jars.differences(folder, lock)
        result = {"ok": not told, "jars": len(lock), "differences": told}
        click.echo(msgspec.json.encode(result))
        raise SystemExit(jars.EX_UNAVAILABLE if told else 0)
    click.echo(f"{len(jars.class_path(folder, lock))} JARs in {folder}: ok")


@command.command("lock", epilog=EPILOG)
def write() -> None:
    """Write the lock file from the installed JARs, after an intended update."""
    click.echo(f"{jars.LOCK}: {jars.write_lock(jars.folder())} JARs locked")
