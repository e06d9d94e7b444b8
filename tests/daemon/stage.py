"""A stream, a bucket and an application of a test's own, on the servers that all tests share."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from consumers.config import effective
from consumers.kcl.launcher import PROPERTIES
from consumers.records import Position
from tests.support.archive import write_properties
from tests.support.real_daemon import FLEET, LIVENESS_S, RealDaemon, fleet_environment
from tests.support.servers import ROOT, Server

LONGEST_TIME_OUT_S = 10  # of a checkpoint, and of a read from S3: longer than of any other call in these tests
OUTAGE_S = float(os.environ.get("OUTAGE_S", str(3 * LONGEST_TIME_OUT_S)))
"""How long a destination is away, in seconds; `make soak` makes it an hour."""
MANY = 100_000 if "OUTAGE_S" in os.environ else 30_000
"""Events of a run that is delivered twice; `make soak` has a hundred thousand."""
POLL_S = 0.1  # a table of DynamoDB tells nobody that it has changed


class Row(NamedTuple):
    """A lease as the table holds it. `position` is None before the first checkpoint."""

    checkpoint: str
    position: Position | None
    owner: str | None
    renewals: int
    owner_switches: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one test plays. All its names are `name`."""

    server: Server
    folder: Path
    name: str
    shards: int

    @property
    def common(self) -> dict[str, object]:
        """The keys of any consumer on this stage, with short times where the tests would only wait."""
        return {
            "streamName": self.name,
            "applicationName": self.name,
            "workerId": f"{self.name}-worker",
            "kinesisEndpoint": self.server.endpoint,
            "dynamoDBEndpoint": self.server.endpoint,
            "metricsLevel": "NONE",
            "jvm.shards": self.shards,
            "failoverTimeMillis": 5000,
            "leaseAssignmentIntervalMillis": 500,
            "inMemoryWorkerMetricsCaptureFrequencyMillis": 200,
            "idleTimeBetweenReadsInMillis": 1000,
        }

    def properties(self, **keys: object) -> Path:
        """Write the consumer's file, with short times where the tests would only wait."""
        own = {
            **self.common,
            "archive.bucket": self.name,
            "archive.maxRecords": 400,
            "archive.maxAgeSeconds": 2,
        }
        endpoint = str(keys.pop("endpoint", self.server.endpoint))
        return write_properties(self.folder, endpoint, **{**own, **keys})

    def prepare(self, properties: Path) -> str:
        """Make the leases with `kinesis-fleet prepare`; its words."""
        command = [*FLEET, "prepare", str(properties)]
        return subprocess.run(
            command, cwd=ROOT, env=fleet_environment(self.folder), check=True, capture_output=True, text=True
        ).stdout

    def daemon(self, properties: Path, environment: Mapping[str, str] | None = None) -> RealDaemon:
        """Describe `kinesis-fleet daemon FILE`."""
        command = [*FLEET, "daemon", str(properties)]
        return RealDaemon(command, fleet_environment(self.folder, environment), self.folder / "daemon.log")

    def daemon_with_child(self, properties: Path, child: str) -> RealDaemon:
        """Describe the same daemon with another command for the child; `{file}` in it is the effective file."""
        environment = fleet_environment(self.folder)
        command = [*FLEET, "daemon", "--print", str(properties)]
        printed = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
        rendered = self.folder / PROPERTIES
        values = effective.read(rendered.read_text())
        replaced = self.folder / "replaced.properties"
        replaced.write_text(effective.write({**values, "executableName": child.format(file=rendered)}))
        words = [str(replaced) if word == str(rendered) else word for word in shlex.split(printed)]
        return RealDaemon(words, environment, self.folder / "daemon.log")

    def leases(self) -> dict[str, Row]:
        """Read the lease table, by shard."""
        rows = self.server.client("dynamodb").scan(TableName=self.name, ConsistentRead=True)["Items"]
        return {row["leaseKey"]["S"]: _row(row) for row in rows if "checkpoint" in row}

    def await_leases(self, so: Callable[[dict[str, Row]], bool], within_s: float = LIVENESS_S) -> dict[str, Row]:
        """Look at the lease table until it is so.

        Raises:
            AssertionError: it was not in time.

        """
        until = time.monotonic() + within_s
        while not so(rows := self.leases()):
            assert time.monotonic() < until, f"the leases after {within_s:g} s: {rows}"
            time.sleep(POLL_S)
        return rows

    def await_committed(self, last: Mapping[str, Position]) -> None:
        """Wait until each shard's checkpoint has reached a position."""
        self.await_leases(lambda rows: all((at := rows[shard].position) and at >= last[shard] for shard in last))


def build(server: Server, folder: Path, shards: int, streams: Server | None = None) -> Stage:
    """Create a bucket, and a stream on the same server or on another."""
    stage = Stage(server, folder, f"test-{uuid4().hex[:12]}", shards)
    server.client("s3").create_bucket(Bucket=stage.name)
    kinesis = (streams or server).client("kinesis")
    kinesis.create_stream(StreamName=stage.name, ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName=stage.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return stage


def _row(item: dict[str, Any]) -> Row:
    checkpoint = item["checkpoint"]["S"]
    sub = int(item.get("checkpointSubSequenceNumber", {}).get("N", 0))
    return Row(
        checkpoint,
        Position(int(checkpoint), sub) if checkpoint.isdigit() else None,
        item.get("leaseOwner", {}).get("S"),
        int(item["leaseCounter"]["N"]),
        int(item.get("ownerSwitchesSinceCheckpoint", {}).get("N", 0)),
    )
