"""kinesis-mock: a Kinesis with sequence numbers of 56 digits and real resharding, whose clock can be shifted."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT, Server, free_port, running
from tests.support.shifted_clock import NODE_PRELOAD, ShiftedClock

HOME = Path(os.environ.get("KINESIS_MOCK", ROOT / ".cache" / "node" / "node_modules" / "kinesis-local"))
_MIDDLE = 2**127 - 1  # where the second of two equal shards begins


@contextmanager
def kinesis_mock(clock: ShiftedClock) -> Iterator[Server]:
    """Run it by a clock until the block ends. `make daemon` installs it."""
    port = free_port()
    environment = {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(free_port()),
        "KINESIS_MOCK_CERT_PATH": str(HOME / "server.json"),
        "LOG_LEVEL": "ERROR",
        "CLOCK_SHIFT_MS": str(clock.shift_ms),
    }
    command = ["node", "--require", str(NODE_PRELOAD), str(HOME / "main.js")]
    with running(command, port, environment) as server:
        yield server


def split(server: Server, name: str, shard: str) -> set[str]:
    """Split a shard in the middle; its children."""
    kinesis = server.client("kinesis")
    before = _shards(kinesis, name)
    middle = sum(_range(before[shard])) // 2
    kinesis.split_shard(StreamName=name, ShardToSplit=shard, NewStartingHashKey=str(middle))
    _await_active(kinesis, name)
    return _shards(kinesis, name).keys() - before.keys()


def merge(server: Server, name: str) -> str:
    """Merge the two shards that meet in the middle of all hash keys; their child."""
    kinesis = server.client("kinesis")
    before = _shards(kinesis, name)
    parents = {at.get("ParentShardId") for at in before.values()}
    open_ = sorted((_range(at), shard) for shard, at in before.items() if shard not in parents)
    left, right = next((one[1], two[1]) for one, two in pairwise(open_) if two[0][0] >= _MIDDLE)
    kinesis.merge_shards(StreamName=name, ShardToMerge=left, AdjacentShardToMerge=right)
    _await_active(kinesis, name)
    (child,) = _shards(kinesis, name).keys() - before.keys()
    return str(child)


def arrivals_of(server: Server, name: str) -> dict[tuple[str, int], int]:
    """Read a whole stream: the arrival time of each record, in UTC milliseconds, by shard and sequence number."""
    kinesis = server.client("kinesis")
    return {
        (shard, int(record["SequenceNumber"])): _ms(record)
        for shard in _shards(kinesis, name)
        for record in _records(kinesis, name, shard)
    }


def _await_active(kinesis: Any, name: str) -> None:
    waiter = kinesis.get_waiter("stream_exists")
    waiter.wait(StreamName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})


def _shards(kinesis: Any, name: str) -> dict[str, dict[str, Any]]:
    return {shard["ShardId"]: shard for shard in kinesis.list_shards(StreamName=name)["Shards"]}


def _range(shard: Mapping[str, Any]) -> tuple[int, int]:
    keys = shard["HashKeyRange"]
    return int(keys["StartingHashKey"]), int(keys["EndingHashKey"])


def _records(kinesis: Any, name: str, shard: str) -> Iterator[dict[str, Any]]:
    at = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    while at:
        answer = kinesis.get_records(ShardIterator=at)
        yield from answer["Records"]
        at = answer.get("NextShardIterator") if answer["Records"] or answer["MillisBehindLatest"] else None


def _ms(record: dict[str, Any]) -> int:
    at: float = record["ApproximateArrivalTimestamp"].timestamp()
    return round(at * 1000)
