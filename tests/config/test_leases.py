"""A prepared lease table: the rows KCL would write, and never one more than it should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from consumers.kcl import leases
from consumers.kcl.leases import Incomplete, prepare
from tests.config.sample import settings

MIDDLE = 2**127
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """Kinesis with a stream of two shards, and DynamoDB."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        kinesis = boto3.client("kinesis", "us-east-1")
        kinesis.create_stream(StreamName="events", ShardCount=2)
        yield kinesis, boto3.client("dynamodb", "us-east-1")


def _rows(dynamodb: Any) -> dict[str, Any]:
    items = dynamodb.scan(TableName="events-sample")["Items"]
    return {item["leaseKey"]["S"]: item for item in items}


def test_the_rows_are_those_of_kcl(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """Attribute for attribute what KCL 3.1.3 itself put into an empty table."""
    prepared = prepare(settings(tmp_path), *aws)
    assert (prepared.created, prepared.running) == ((FIRST, SECOND), False)
    assert _rows(aws[1])[FIRST] == {
        "leaseKey": {"S": FIRST},
        "leaseCounter": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "checkpoint": {"S": "TRIM_HORIZON"},
        "checkpointSubSequenceNumber": {"N": "0"},
        "startingHashKey": {"S": "0"},
        "endingHashKey": {"S": str(MIDDLE - 1)},
    }


def test_the_table_has_the_index_that_kcl_adds(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """So that the first start does not wait for it."""
    prepare(settings(tmp_path), *aws)
    table = aws[1].describe_table(TableName="events-sample")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "LeaseOwnerToLeaseKeyIndex"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["leaseOwner", "leaseKey"]


def test_it_may_be_repeated_and_completed(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """A run that was cut short is completed by the next, which leaves what stands."""
    prepare(settings(tmp_path), *aws)
    aws[1].delete_item(TableName="events-sample", Key={"leaseKey": {"S": SECOND}})
    again = prepare(settings(tmp_path), *aws)
    assert (again.created, again.existing) == ((SECOND,), (FIRST,))
    assert prepare(settings(tmp_path), *aws).created == ()


def test_an_application_that_has_run_is_left_alone(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """The lease of a finished shard is gone on purpose: made anew, it would deliver twice."""
    prepare(settings(tmp_path), *aws)
    aws[1].delete_item(TableName="events-sample", Key={"leaseKey": {"S": FIRST}})
    aws[1].update_item(
        TableName="events-sample",
        Key={"leaseKey": {"S": SECOND}},
        UpdateExpression="SET leaseCounter = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    before = _rows(aws[1])
    again = prepare(settings(tmp_path), *aws)
    assert (again.created, again.running) == ((), True)
    assert _rows(aws[1]) == before


def test_rows_of_kcl_itself_are_no_leases(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """From core 3.5 on the table holds the leader's lock, the migration's state and the workers too."""
    prepare(settings(tmp_path), *aws)
    aws[1].delete_item(TableName="events-sample", Key={"leaseKey": {"S": SECOND}})
    for key, entity in (("Leader", None), ("Migration3.0", "MIGRATION"), ("host-1", "WORKER_METRIC_STATS")):
        kind = {"entityType": {"S": entity}} if entity else {"ownerName": {"S": "host-1"}}
        aws[1].put_item(TableName="events-sample", Item={"leaseKey": {"S": key}, **kind})
    again = prepare(settings(tmp_path), *aws)
    assert (again.created, again.existing, again.running) == ((SECOND,), (FIRST,), False)


def test_an_odd_lease_is_left_alone(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """A row without a counter or a checkpoint is not as it was prepared: somebody has been at work."""
    prepare(settings(tmp_path), *aws)
    key = {"leaseKey": {"S": FIRST}}
    aws[1].put_item(TableName="events-sample", Item=key)
    assert prepare(settings(tmp_path), *aws).running
    assert _rows(aws[1])[FIRST] == key


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("TRIM_HORIZON", {FIRST, SECOND}),
        ("LATEST", {SECOND, "shardId-000000000002", "shardId-000000000003"}),
    ],
)
def test_after_a_split_reading_begins_at_the_right_shards(
    tmp_path: Path, aws: tuple[Any, Any], position: str, expected: set[str]
) -> None:
    """TRIM_HORIZON begins at the parents, LATEST at the open shards: each record once."""
    half = str(MIDDLE // 2)
    aws[0].split_shard(StreamName="events", ShardToSplit=FIRST, NewStartingHashKey=half)
    prepared = prepare(settings(tmp_path, {"initialPositionInStream": position}), *aws)
    assert set(prepared.created) == expected
    assert {row["checkpoint"]["S"] for row in _rows(aws[1]).values()} == {position}


def test_a_timestamp_becomes_the_sentinel_that_kcl_resolves(tmp_path: Path, aws: tuple[Any, Any]) -> None:
    """The moment itself stays in the properties file."""
    changes = {"initialPositionInStreamExtended": "1764547200"}
    assert prepare(settings(tmp_path, changes), *aws).position == "AT_TIMESTAMP"


def test_parents_that_have_expired_are_kept_in_the_row() -> None:
    """KCL writes them as a set, sorted or not."""
    shard = {
        "ShardId": SECOND,
        "ParentShardId": "b",
        "AdjacentParentShardId": "a",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
    }
    assert leases.lease(shard, "LATEST")["parentShardId"] == {"SS": ["a", "b"]}


def test_a_hole_in_the_hash_range_is_refused() -> None:
    """A stream in the middle of a reshard must not begin with a part of its shards."""
    shard = {"ShardId": FIRST, "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"}}
    with pytest.raises(Incomplete, match=r"up to 10 only\. Try again"):
        leases.roots([shard], "TRIM_HORIZON")
