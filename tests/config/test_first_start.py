"""The real daemon, started by the command line on a prepared lease table."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).parents[2]
SHARDS = {"shardId-000000000000", "shardId-000000000001"}
ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
TIMEOUT_S = 90


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Serve the embedded AWS with a stream and a bucket."""
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    server = subprocess.Popen(
        [sys.executable, "-m", "consumers.local.aws", "--ready-file", str(ready)],
        cwd=ROOT,
        env={**os.environ, **ACCOUNT},
    )
    try:
        url = ready.read_text().strip()
        kinesis = boto3.client("kinesis", "us-east-1", endpoint_url=url)
        kinesis.create_stream(StreamName="events", ShardCount=2)
        boto3.client("s3", "us-east-1", endpoint_url=url).create_bucket(Bucket="a-bucket")
        yield url
    finally:
        server.terminate()
        server.wait()


def _properties(folder: Path, endpoint: str) -> Path:
    path = folder / "archive.properties"
    path.write_text(
        "consumer = s3_archive\nstreamName = events\napplicationName = first-start\n"
        "archive.bucket = a-bucket\narchive.region = us-east-1\nregionName = us-east-1\n"
        f"archive.endpoint = {endpoint}\nkinesisEndpoint = {endpoint}\n"
        f"dynamoDBEndpoint = {endpoint}\nmetricsLevel = NONE\njvm.shards = 2\n"
    )
    return path


def test_a_prepared_application_starts_and_stops(
    tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon takes the prepared leases as they are, and SIGTERM drains it; all lines are JSON."""
    for name, value in {**ACCOUNT, "RUNTIME_DIRECTORY": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    path = _properties(tmp_path, endpoint)
    fleet = [sys.executable, "-m", "consumers"]
    subprocess.run([*fleet, "prepare", str(path)], cwd=ROOT, check=True)
    daemon = subprocess.Popen([*fleet, "daemon", str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert daemon.stderr is not None
    taken: set[str] = set()
    signal.signal(signal.SIGALRM, lambda *_: daemon.kill())
    signal.alarm(TIMEOUT_S)
    try:
        for line in daemon.stderr:
            event = json.loads(line)
            if event["event"] == "shard_taken":
                taken.add(event["shard"])
            if taken == SHARDS:
                daemon.terminate()
                taken.clear()
        assert daemon.wait() == 128 + signal.SIGTERM
    finally:
        signal.alarm(0)
        daemon.kill()
        daemon.wait()
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
    rows = dynamodb.scan(TableName="first-start")["Items"]
    assert {row["leaseKey"]["S"] for row in rows} == SHARDS
    assert all(row["leaseOwner"]["S"].endswith("-s3_archive") for row in rows)
