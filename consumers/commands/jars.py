"""``kinesis-fleet jars``: KCL's JARs against their lock."""

import click
import msgspec

from consumers.kcl import jars


@click.group()
def command() -> None:
    """KCL's JARs, which amazon_kclpy downloads without a checksum, against their lock.

    Exit codes: 69 a JAR is missing or has changed.
    """


@command.command()
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


@command.command("lock")
def write() -> None:
    """Write the lock anew from the installed JARs, after an update on purpose."""
    click.echo(f"{jars.LOCK}: {jars.write_lock(jars.folder())} JARs locked")
