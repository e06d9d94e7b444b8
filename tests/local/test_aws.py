"""The embedded AWS: what KCL and the archive lean on, through real clients."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from consumers.local.aws import one_at_a_time
from consumers.local.ready import announce

TAKEN = "PreconditionFailed"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server in a process of its own, awaited through its named pipe."""
    ready = tmp_path_factory.mktemp("aws") / "ready"
    os.mkfifo(ready)
    command = [sys.executable, "-m", "consumers.local.aws", "--ready-file", str(ready)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # A server that fails to start would leave the pipe without a writer, and us waiting.
    alarm = threading.Timer(60, server.kill)
    alarm.start()
    with ready.open() as pipe:
        answer = pipe.readline().strip()
    alarm.cancel()
    yield answer
    server.terminate()
    output, _ = server.communicate(timeout=20)
    assert server.returncode == 0
    assert output == b"", "it chatters"


def client(service: str, endpoint: str) -> Any:
    """Make a client that needs no account."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",  # noqa: S106 - moto takes any
    )


@pytest.fixture(scope="module")
def kinesis(endpoint: str) -> Any:
    """Kinesis."""
    return client("kinesis", endpoint)


@pytest.fixture(scope="module")
def s3(endpoint: str) -> Any:
    """S3, with a bucket."""
    made = client("s3", endpoint)
    made.create_bucket(Bucket="archive")
    return made


def put(kinesis: Any, stream: str, total: int) -> list[dict[str, str]]:
    """Put ``total`` small records; the results in order."""
    results: list[dict[str, str]] = []
    for start in range(0, total, 500):
        numbers = range(start, min(total, start + 500))
        records = [{"PartitionKey": str(n), "Data": f"{n}".encode()} for n in numbers]
        results += kinesis.put_records(StreamName=stream, Records=records)["Records"]
    return results


def read(kinesis: Any, stream: str, shard: str, limit: int = 1000, **start: str) -> list[dict[str, Any]]:
    """Read a shard to its tip or its end."""
    kind = start or {"ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, **kind)["ShardIterator"]
    found: list[dict[str, Any]] = []
    while iterator is not None:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=limit)
        if not answer["Records"]:
            return [*found, answer] if "ChildShards" in answer else found
        found += answer["Records"]
        iterator = answer.get("NextShardIterator")
    return [*found, answer]


def test_what_is_put_is_read_in_order(kinesis: Any) -> None:
    """All records come back once, in the order of their 56-digit numbers, with milliseconds."""
    kinesis.create_stream(StreamName="order", ShardCount=2)
    results = put(kinesis, "order", 3000)
    assert {len(result["SequenceNumber"]) for result in results} == {56}
    for shard in ("shardId-000000000000", "shardId-000000000001"):
        expected = [
            (result["SequenceNumber"], f"{number}".encode())
            for number, result in enumerate(results)
            if result["ShardId"] == shard
        ]
        found = read(kinesis, "order", shard)
        assert expected == [(record["SequenceNumber"], record["Data"]) for record in found]
        numbers = [int(record["SequenceNumber"]) for record in found]
        assert numbers == sorted(set(numbers))
        assert any(record["ApproximateArrivalTimestamp"].microsecond for record in found)


def test_a_record_without_a_key_is_read_without_one(kinesis: Any) -> None:
    """As on a stream that distributes its records itself: they go to all shards, and one with a key keeps it."""
    kinesis.create_stream(StreamName="keyless", ShardCount=2)
    kinesis.put_records(StreamName="keyless", Records=[{"Data": b"%d" % n} for n in range(40)])
    kinesis.put_record(StreamName="keyless", Data=b"alone")
    kinesis.put_record(StreamName="keyless", Data=b"keyed", PartitionKey="k")
    shards = [read(kinesis, "keyless", f"shardId-00000000000{n}") for n in range(2)]
    assert all(len(found) > 5 for found in shards)
    keys = {record["Data"]: record.get("PartitionKey") for found in shards for record in found}
    assert keys.pop(b"keyed") == "k"
    assert len(keys) == 41
    assert set(keys.values()) == {None}


def test_reading_begins_where_asked(kinesis: Any) -> None:
    """AT and AFTER a sequence number, and LATEST."""
    kinesis.create_stream(StreamName="start", ShardCount=1)
    numbers = [result["SequenceNumber"] for result in put(kinesis, "start", 10)]
    for kind, first in (("AT_SEQUENCE_NUMBER", 4), ("AFTER_SEQUENCE_NUMBER", 5)):
        found = read(
            kinesis,
            "start",
            "shardId-000000000000",
            ShardIteratorType=kind,
            StartingSequenceNumber=numbers[4],
        )
        assert [record["SequenceNumber"] for record in found] == numbers[first:]
    assert read(kinesis, "start", "shardId-000000000000", ShardIteratorType="LATEST") == []


def test_a_split_shard_keeps_its_records_and_ends(kinesis: Any) -> None:
    """The parent is read to its end, names its children, and takes no more."""
    kinesis.create_stream(StreamName="split", ShardCount=1)
    put(kinesis, "split", 20)
    parent = "shardId-000000000000"
    kinesis.split_shard(StreamName="split", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    *records, end = read(kinesis, "split", parent)
    children = [child["ShardId"] for child in end["ChildShards"]]
    assert len(records) == 20
    assert children == ["shardId-000000000001", "shardId-000000000002"]
    assert {result["ShardId"] for result in put(kinesis, "split", 40)} == set(children)
    last = max(int(record["SequenceNumber"]) for record in records)
    assert all(int(read(kinesis, "split", child)[0]["SequenceNumber"]) > last for child in children)


def test_merged_shards_end_in_one_child(kinesis: Any) -> None:
    """Both parents of a merge name the same child, which names both."""
    kinesis.create_stream(StreamName="merge", ShardCount=2)
    pair = ["shardId-000000000000", "shardId-000000000001"]
    kinesis.merge_shards(StreamName="merge", ShardToMerge=pair[0], AdjacentShardToMerge=pair[1])
    for parent in pair:
        (end,) = read(kinesis, "merge", parent)
        (child,) = end["ChildShards"]
        assert child["ShardId"] == "shardId-000000000002"
        assert child["ParentShards"] == pair


def test_a_read_holds_ten_mebibytes_at_most(kinesis: Any) -> None:
    """As with the real service: what is larger comes in several answers, and comes whole."""
    kinesis.create_stream(StreamName="large", ShardCount=1)
    record = {"PartitionKey": "k", "Data": bytes(1024 * 1024 - 1)}
    for _ in range(3):
        kinesis.put_records(StreamName="large", Records=[record] * 5)
    shard = "shardId-000000000000"
    iterator = kinesis.get_shard_iterator(StreamName="large", ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    assert len(kinesis.get_records(ShardIterator=iterator)["Records"]) == 10
    assert len(read(kinesis, "large", shard)) == 15


def test_racing_puts_get_distinct_numbers(kinesis: Any) -> None:
    """Requests at the same time do not give two records one number."""
    kinesis.create_stream(StreamName="race", ShardCount=1)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda _: put(kinesis, "race", 500), range(8)))
    numbers = {result["SequenceNumber"] for part in parts for result in part}
    assert len(numbers) == 4000
    assert len(read(kinesis, "race", "shardId-000000000000")) == 4000


def test_head_and_delete_are_answered(s3: Any) -> None:
    """Answers without a body arrive, with their metadata."""
    s3.put_object(Bucket="archive", Key="a", Body=b"1", Metadata={"last": "5:0"})
    assert s3.head_object(Bucket="archive", Key="a")["Metadata"] == {"last": "5:0"}
    s3.delete_object(Bucket="archive", Key="a")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="archive", Key="a")


def test_a_key_is_written_once_also_under_races(s3: Any) -> None:
    """Of many conditional writers of one key exactly one wins."""
    refusals: list[str] = []

    def attempt(number: int) -> bool:
        try:
            s3.put_object(Bucket="archive", Key="once", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as fault:
            refusals.append(fault.response["Error"]["Code"])
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(64))) == 1
    assert refusals == [TAKEN] * 63


def test_requests_do_not_meet() -> None:
    """A request begins after the one before has ended: what it looks at stays so until it writes."""
    inside: list[int] = []
    together = threading.Event()
    both = threading.Barrier(2)

    def app(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        inside.append(1)
        if len(inside) > 1:
            together.set()
        together.wait(0.3)  # long enough for the other one to come in, if it may
        inside.pop()
        return []

    answered = one_at_a_time(app)

    def ask() -> None:
        both.wait()
        answered({}, None)  # type: ignore[arg-type] # this application starts no response

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.is_set()


def test_it_speaks_http2_without_tls(endpoint: str) -> None:
    """KCL's client begins with the HTTP/2 preface and expects SETTINGS."""
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        frame_type = connection.recv(9)[3]
    assert frame_type == 4


def test_a_regular_ready_file_appears_whole(tmp_path: Path) -> None:
    """A reader never sees half of an endpoint."""
    announce(tmp_path / "ready", "http://127.0.0.1:1")
    assert (tmp_path / "ready").read_text() == "http://127.0.0.1:1\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "ready"]
