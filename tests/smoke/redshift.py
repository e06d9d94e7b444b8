"""Smoke test of the table against a real account: stage, load with two loaders at once, count, deliver again, load.

    python -m tests.smoke.redshift --stream STREAM --bucket BUCKET --workgroup WORKGROUP

The stream must hold records of players. The tables, an application and objects below `staged/` are left there.
What it cannot show: a lost answer to COMMIT, 1023 under load, and what a busy cluster does to the time-outs.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import boto3
import click

from consumers.config.settings import Settings, load
from consumers.redshift.opening import database_of, names_of
from consumers.registry import CONSUMERS

FLEET = (sys.executable, "-m", "consumers")
DRAINED = {0, 143}
PATIENCE_S = 900


class Failed(Exception):
    """What was expected did not hold."""


@click.command()
@click.option("--stream", required=True, help="A stream with records of players.")
@click.option("--bucket", required=True, help="The staging area's bucket, and the dead letters'.")
@click.option("--workgroup", required=True, help="Of Redshift Serverless; its default role reads the bucket.")
@click.option("--application", default="kinesis-fleet-smoke-redshift", show_default=True, help="Names the lease table.")
@click.option("--seconds", default=120, show_default=True, help="How long the daemon reads.")
@click.option("--key", "keys", multiple=True, metavar="KEY=VALUE", help="A further key of the properties file.")
def main(  # noqa: PLR0913, PLR0917 - the command line's
    stream: str, bucket: str, workgroup: str, application: str, seconds: int, keys: tuple[str, ...]
) -> None:
    """Run it, and end with 1 at the first thing that does not hold."""
    region = boto3.session.Session().region_name or ""
    own = {
        "consumer": "redshift_stage",
        "streamName": stream,
        "applicationName": application,
        "regionName": region,
        "redshift.bucket": bucket,
        "redshift.region": region,
        "redshift.maxAgeSeconds": 10,
        "redshift.driver": "dataApi",
        "redshift.workgroup": workgroup,
        "redshift.deadLetters.bucket": bucket,
        "redshift.deadLetters.region": region,
        **dict(key.partition("=")[::2] for key in keys),
    }
    with tempfile.TemporaryDirectory(prefix="kinesis-fleet-smoke-") as folder:
        file = Path(folder) / "redshift_stage.properties"
        file.write_text("".join(f"{key} = {value}\n" for key, value in own.items()))
        try:
            _smoke(file, seconds, str(own.get("dynamoDBEndpoint", "")) or None)
        except Failed as fault:
            click.echo(f"smoke: FAILED: {fault}", err=True)
            raise SystemExit(1) from fault
    click.echo("smoke: passed")


def _smoke(file: Path, seconds: int, dynamodb: str | None) -> None:
    _done("check", str(file))
    _done("redshift-ddl", "--apply", str(file))
    settings = load(file, CONSUMERS)
    before = _figures(settings)
    _read(file, seconds)
    with _started(file) as first, _started(file) as second:
        loaded = [_loaded(one) for one in (first, second)]
    objects = sum(one["objects"] for one in loaded)
    click.echo(f"two loaders: {objects} objects, {sum(one['rows'] for one in loaded)} rows")
    figures = _figures(settings)
    _insist(objects == figures["objects"] - before["objects"], "the ledger has other objects than were loaded")
    _insist(objects > 0, "nothing was staged: does the stream hold records?")
    report = json.loads(_done("redshift-report", "--json", str(file)))
    _insist(not any(hour["waiting"] for hour in report["hours"]), "something still waits")
    boto3.client("dynamodb", endpoint_url=dynamodb).delete_table(TableName=settings.application)
    click.echo("everything is delivered again")
    _read(file, seconds)
    with _started(file) as again:
        _insist(_loaded(again)["objects"] == 0, "what was delivered again was loaded again")
    _insist(_figures(settings) == figures, "the table has changed")


def _read(file: Path, seconds: int) -> None:
    _done("prepare", str(file))
    daemon = subprocess.Popen([*FLEET, "daemon", str(file)], stderr=subprocess.DEVNULL)
    time.sleep(seconds)  # as long as the caller said: nobody knows how much the stream holds
    daemon.send_signal(signal.SIGTERM)
    _insist(daemon.wait(PATIENCE_S) in DRAINED, "the daemon did not drain")


def _figures(settings: Settings) -> dict[str, int]:
    """Count the table and its ledger, which must agree."""
    names = names_of(settings.section)
    with closing(database_of(settings.section)) as database:
        position = "shard || sequence_number || ':' || sub_sequence_number || ':' || document"
        ((rows, distinct),) = database.ask(f"SELECT COUNT(*), COUNT(DISTINCT {position}) FROM {names.target}")
        ((objects, counted),) = database.ask(f"SELECT COUNT(*), COALESCE(SUM(row_count), 0) FROM {names.ledger}")
    _insist(int(rows) == int(distinct), f"{int(rows) - int(distinct)} rows stand twice")
    _insist(int(rows) == int(counted), f"the table has {rows} rows, and the ledger counts {counted}")
    return {"rows": int(rows), "objects": int(objects)}


@contextmanager
def _started(file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [*FLEET, "redshift-load", "--json", str(file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _loaded(process: "subprocess.Popen[bytes]") -> dict[str, int]:
    out, _ = process.communicate(timeout=PATIENCE_S)
    _insist(process.returncode == 0, f"redshift-load ended with {process.returncode}")
    found: dict[str, int] = json.loads(out.splitlines()[-1])
    return found


def _done(*words: str) -> str:
    click.echo(f"$ kinesis-fleet {' '.join(words)}")
    command: Sequence[str] = (*FLEET, *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=os.environ)
    _insist(done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout


def _insist(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


if __name__ == "__main__":
    main()
