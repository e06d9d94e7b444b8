"""The command that gives an operator what a unit has; what it runs is seen on hosts."""

import subprocess
from pathlib import Path

AS = Path(__file__).parents[1] / "ansible/roles/kinesis_fleet/files/kinesis-fleet-as"


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run it."""
    return subprocess.run(["/bin/sh", AS, *words], check=False, capture_output=True, text=True)


def test_usage() -> None:
    """Without a consumer and a command it says what it wants."""
    done = run("s3_archive")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: kinesis-fleet-as CONSUMER COMMAND")


def test_no_such_consumer() -> None:
    """A consumer that the release does not have is named, and the file that is missing."""
    done = run("no_such", "leases")
    assert done.returncode == 78
    assert "no consumer no_such: there is no /opt/kinesis-fleet/current/etc/no_such.properties" in done.stderr
