"""The look that `prepare` takes at a stream: aggregates that KCL would not deliver are named, not their data."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto import mock_aws

from consumers.cli import main
from consumers.hours.lineage import StreamShard
from consumers.kcl.leases import list_all
from consumers.kcl.sampling import Dropped, Sample, sample
from consumers.stream import described
from consumers.waiting import Unavailable
from tests.config.sample import settings

FILE = (
    "consumer = s3_archive\nstreamName = events\napplicationName = events-archive\nregionName = us-east-1\n"
    "workerId = host-1\narchive.bucket = a-bucket\narchive.region = us-east-1\n"
)
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"
SHARD = StreamShard(FIRST, (), 0, 2**127 - 1)
KEY = "a-key-of-somebody"


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Have a stream of two shards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_KEY_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("kinesis", "us-east-1")
        client.create_stream(StreamName="events", ShardCount=2)
        yield client


def aggregate(count: int, hash_key: str | None = None) -> bytes:
    """Aggregate records of as many keys, as AWS's own library for Python does by itself."""
    made = RecordAggregator()
    for number in range(count):
        made.add_user_record(f"{KEY}-{number}", b"some data", hash_key)
    data: bytes = made.clear_and_get().get_contents()[2]
    return data


def put(kinesis: Any, data: bytes, hash_key: str = "0") -> str:
    """Put a record; its sequence number."""
    answer = kinesis.put_record(StreamName="events", Data=data, PartitionKey="k", ExplicitHashKey=hash_key)
    return str(answer["SequenceNumber"])


def prepare(folder: Path, *options: str) -> Result:
    """Run the command."""
    file = folder / "archive.properties"
    file.write_text(FILE)
    return CliRunner().invoke(main, ["prepare", *options, str(file)])


def test_an_aggregate_that_kcl_drops_is_named(tmp_path: Path, kinesis: Any) -> None:
    """With its shard, its sequence number and what mends it; the leases are made, and it ends with 0."""
    put(kinesis, b"plain")
    put(kinesis, aggregate(30, "5"))
    sequence = put(kinesis, aggregate(30))
    done = prepare(tmp_path)
    assert done.exit_code == 0
    assert done.stdout == "events-archive: 2 leases created at TRIM_HORIZON, 0 kept\n"
    named, counted = done.stderr.splitlines()
    assert named.startswith(
        f"warning: {FIRST}: KCL will not deliver the aggregate {sequence} of 30 user records: number "
    )
    assert named.endswith(", from 0, its hash lies outside the shard")
    assert "1 of 2 aggregates among 3 records" in counted
    assert "explicit hash key" in counted
    assert KEY not in done.output


def test_the_list(tmp_path: Path, kinesis: Any) -> None:
    """All are in the JSON, once, whatever runs already."""
    sequences = {put(kinesis, aggregate(30)) for _ in range(12)}
    prepare(tmp_path)
    result = json.loads(prepare(tmp_path, "--json").stdout)
    assert {one["sequenceNumber"] for one in result["aggregates"]["dropped"]} == sequences
    assert {(one["shard"], one["userRecords"]) for one in result["aggregates"]["dropped"]} == {(FIRST, 30)}
    assert len(result["warnings"]) == 11, "ten are named, and all are counted"
    assert {key: result["aggregates"][key] for key in ("shards", "ofShards", "records", "aggregates")} == {
        "shards": 2,
        "ofShards": 2,
        "records": 12,
        "aggregates": 12,
    }


def test_nothing_is_said_of_a_healthy_stream(tmp_path: Path, kinesis: Any) -> None:
    """Plain records, and aggregates of one shard's hashes, in either shard."""
    put(kinesis, b"plain", str(2**127))
    put(kinesis, aggregate(30, str(2**127)), str(2**127))
    done = prepare(tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")


class Kinesis:
    """Answers each read by a script, and notes what was asked."""

    def __init__(self, *answers: Mapping[str, Any] | ClientError, summary: Mapping[str, Any] | None = None) -> None:
        self.answers, self.reads = list(answers), 0
        self.summary = summary or {}

    def get_shard_iterator(self, **_: Any) -> dict[str, Any]:
        """Give an iterator."""
        return {"ShardIterator": "0"}

    def get_records(self, **_: Any) -> Mapping[str, Any]:
        """Give the next answer."""
        self.reads += 1
        answer = self.answers.pop(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def describe_stream_summary(self, **_: Any) -> Mapping[str, Any]:
        """Give the summary."""
        return {"StreamDescriptionSummary": self.summary}


def answer(*data: bytes, behind_ms: int = 0) -> dict[str, Any]:
    """Give records; their sequence numbers are their lengths."""
    records = [{"SequenceNumber": str(len(one)), "Data": one} for one in data]
    return {"Records": records, "NextShardIterator": "1", "MillisBehindLatest": behind_ms}


def refusal(code: str) -> ClientError:
    """Give what boto3 raises."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


def test_a_gap_is_followed_a_little(tmp_path: Path) -> None:
    """Three reads of a place, apart; then the shard is left."""
    kinesis, pauses = Kinesis(*[answer(behind_ms=9)] * 5, answer(b"plain")), list[float]()
    found = sample(settings(tmp_path), kinesis, [SHARD], lambda: 0, pauses.append)
    assert found == Sample(shards=1, of_shards=1, records=1, bytes=5)
    assert pauses == [0.25] * 4


def test_a_record_is_counted_once(tmp_path: Path) -> None:
    """It may be among the newest and the oldest."""
    bad = aggregate(30)
    found = sample(settings(tmp_path), Kinesis(answer(bad), answer(bad)), [SHARD], lambda: 0, lambda _: None)
    assert found.records == 1
    assert [type(one) for one in found.dropped] == [Dropped]


def test_a_shard_that_is_throttled_is_counted_as_unseen(tmp_path: Path) -> None:
    """The others are looked at; a missing permission is of all."""
    other = StreamShard(SECOND, (), 2**127, 2**128 - 1)
    busy = refusal("ProvisionedThroughputExceededException")
    found = sample(
        settings(tmp_path), Kinesis(busy, answer(), busy, answer()), [SHARD, other], lambda: 0, lambda _: None
    )
    assert (found.shards, found.of_shards) == (1, 2)
    with pytest.raises(ClientError):
        sample(settings(tmp_path), Kinesis(refusal("AccessDeniedException")), [SHARD], lambda: 0, lambda _: None)


def test_it_ends_in_time(tmp_path: Path) -> None:
    """Twenty seconds, however many shards there are."""
    now = iter(range(0, 1000, 5))
    found = sample(settings(tmp_path), Kinesis(*[answer()] * 9), [SHARD] * 9, lambda: next(now), lambda _: None)
    assert found.of_shards == 9
    assert found.shards == 1


def test_shards_without_an_end(tmp_path: Path) -> None:
    """Whoever lists on and on is no Kinesis: it is said, and nobody waits for it."""

    class Endless:
        def list_shards(self, **_: Any) -> Mapping[str, Any]:
            return {"Shards": [], "NextToken": "more"}

    with pytest.raises(Unavailable, match="more than 100 pages"):
        list(list_all(settings(tmp_path), Endless()))


@pytest.mark.parametrize(
    ("summary", "so"),
    [
        ({"RecordDistributionStrategy": "AUTO"}, True),
        ({"RecordDistributionStrategy": "USER_PARTITION_KEY"}, False),
        ({}, False),
    ],
)
def test_a_stream_that_distributes_by_itself(summary: Mapping[str, Any], so: bool) -> None:
    """Its summary says so; one that says nothing does not."""
    assert described(Kinesis(summary=summary), {"StreamName": "events"}).distributes_itself is so
