"""Prepares a lease table before the first start, which would otherwise be delayed.

KCL 3.1.3 waits 1 to 30 s at random while its lease table is empty. On the real DynamoDB it also waits for an index to
be added to a table that has none. The rows are those of ``DynamoDBLeaseSerializer`` and
``HierarchicalShardSyncer.newKCLLease``.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from consumers.config.settings import Settings
from consumers.stream import MOST_PAGES, endless, request_of
from consumers.waiting import Unavailable

OWNER_INDEX = "LeaseOwnerToLeaseKeyIndex"
_TABLE_WAIT = {"Delay": 1, "MaxAttempts": 120}
_HASH_KEYS = 2**128

Item = Mapping[str, Any]
Shard = Mapping[str, Any]


class Incomplete(Exception):
    """The shards that Kinesis lists leave a part of the hash range uncovered."""

    exit_code = 69


@dataclass(frozen=True, slots=True)
class Prepared:
    """The result: the shards whose leases were ``created`` or were ``existing``.

    ``running`` means that the application has run before. Such an application is left alone: the lease of a shard that
    it has finished may be deleted already, and a new one would deliver the shard a second time.
    """

    table: str
    position: str
    created: tuple[str, ...]
    existing: tuple[str, ...]
    running: bool


def prepare(settings: Settings, kinesis: Any, dynamodb: Any) -> Prepared:  # noqa: ANN401 - boto3
    """Make the lease table, and a lease for each shard at which reading begins.

    Idempotent, and safe beside a starting daemon: it never changes an existing lease.

    Raises:
        Incomplete: the stream is being resharded, or does not cover its hash range.
        botocore.exceptions.ClientError: AWS refused a call.
        Unavailable: an answer of AWS lacks a part, or has no end.

    """
    table = table_of(settings)
    position = initial_position(settings.kcl)
    protected = settings.kcl.get("leaseTableDeletionProtectionEnabled", "").lower() == "true"
    make_table(dynamodb, table, protected=protected)
    existing = {item["leaseKey"]["S"]: item for item in scan(dynamodb, table) if is_lease(item)}
    if not all(pristine(item, position) for item in existing.values()):
        return Prepared(table, position, (), tuple(sorted(existing)), running=True)
    shards = roots(_list(settings, kinesis), position)
    rows = [lease(shard, position) for shard in shards]
    created = tuple(row["leaseKey"]["S"] for row in rows if _put(dynamodb, table, row))
    known = tuple(sorted(existing.keys() - set(created)))
    return Prepared(table, position, created, known, running=False)


def table_of(settings: Settings) -> str:
    """Return the name of the lease table."""
    return settings.kcl.get("tableName", settings.application)


def initial_position(kcl: Mapping[str, str]) -> str:
    """Return the sentinel that KCL writes as the checkpoint of a lease that is not begun."""
    if "initialPositionInStreamExtended" in kcl:
        return "AT_TIMESTAMP"
    return kcl["initialPositionInStream"].upper()


def lease(shard: Shard, position: str) -> Item:
    """Make the row of ``shard``, without an owner, with the attributes that KCL writes."""
    item: Item = {
        "leaseKey": {"S": shard["ShardId"]},
        "leaseCounter": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "checkpoint": {"S": position},
        "checkpointSubSequenceNumber": {"N": "0"},
        "startingHashKey": {"S": shard["HashKeyRange"]["StartingHashKey"]},
        "endingHashKey": {"S": shard["HashKeyRange"]["EndingHashKey"]},
    }
    parents = _parents(shard)
    return {**item, "parentShardId": {"SS": parents}} if parents else item


def is_lease(row: Item) -> bool:
    """Return whether a row of the table is a shard's lease, and not one of KCL's own rows.

    From core 3.5 on KCL keeps other rows there, which have an `entityType`, or neither a checkpoint nor a shard's name.
    """
    if "entityType" in row:
        return False
    return "checkpoint" in row or row["leaseKey"].get("S", "").startswith("shardId-")


def pristine(item: Item, position: str) -> bool:
    """Return whether no daemon has changed the lease since it was prepared at ``position``."""
    untouched = item.get("leaseCounter", {}).get("N") == "0" and "leaseOwner" not in item
    return untouched and item.get("checkpoint", {}).get("S") == position


def roots(shards: Iterable[Shard], position: str) -> tuple[Shard, ...]:
    """Select the shards at which reading begins. KCL makes the leases of their children later.

    The real Kinesis has filtered the list already; a stand-in that ignores the filter lists all shards.

    Raises:
        Incomplete: together they do not cover the hash range.

    """
    listed = list(shards)
    if position == "LATEST":
        begun = [s for s in listed if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    else:
        names = {shard["ShardId"] for shard in listed}
        begun = [shard for shard in listed if not names.intersection(_parents(shard))]
    begun.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    covered = 0
    for shard in begun:
        if int(shard["HashKeyRange"]["StartingHashKey"]) != covered:
            break
        covered = int(shard["HashKeyRange"]["EndingHashKey"]) + 1
    if covered != _HASH_KEYS:
        message = f"the shards cover the hash range up to {covered} only. Try again in a minute."
        raise Incomplete(message)
    return tuple(begun)


def make_table(dynamodb: Any, table: str, *, protected: bool = False) -> None:  # noqa: ANN401
    """Create the lease table, billed on demand, with the index of owners; keep an existing one."""
    names = ("leaseKey", "leaseOwner")
    with suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
            GlobalSecondaryIndexes=[_OWNER_INDEX],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=protected,
        )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig=_TABLE_WAIT)


_OWNER_INDEX = {
    "IndexName": OWNER_INDEX,
    "KeySchema": [
        {"AttributeName": "leaseOwner", "KeyType": "HASH"},
        {"AttributeName": "leaseKey", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


def _put(dynamodb: Any, table: str, item: Item) -> bool:  # noqa: ANN401
    condition = "attribute_not_exists(leaseKey)"
    try:
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression=condition)
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def scan(dynamodb: Any, table: str) -> Iterator[Item]:  # noqa: ANN401
    """Yield the rows of a lease table as they stand.

    Raises:
        Unavailable: an answer lacks a part, which must not be taken for the absence of leases.

    """
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        items = page.get("Items")
        if not isinstance(items, list) or page.get("Count", len(items)) != len(items):
            reason = f"the answer to Scan {table} is none of DynamoDB's, or lacks a part"
            raise Unavailable(reason, "look at what stands before it, such as a proxy", operator=True)
        yield from items


def checkpoints_of(settings: Settings, dynamodb: Any) -> list[str]:  # noqa: ANN401
    """Read the checkpoint of each lease; none before the table exists.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.
        Unavailable: an answer of DynamoDB lacks a part.

    """
    try:
        rows = [row for row in scan(dynamodb, table_of(settings)) if is_lease(row)]
    except dynamodb.exceptions.ResourceNotFoundException:
        return []
    return [row.get("checkpoint", {}).get("S", "") for row in rows]


def list_all(settings: Settings, kinesis: Any) -> Iterator[Shard]:  # noqa: ANN401
    """Yield the stream's shards as Kinesis lists them, open and closed.

    Raises:
        Unavailable: there are more pages than any stream has.

    """
    return _pages(kinesis, request_of(settings))


def _list(settings: Settings, kinesis: Any) -> Iterator[Shard]:  # noqa: ANN401
    return _pages(kinesis, {**request_of(settings), "ShardFilter": _filter(settings.kcl)})


def _pages(kinesis: Any, request: dict[str, Any]) -> Iterator[Shard]:  # noqa: ANN401
    for _ in range(MOST_PAGES):
        answer = kinesis.list_shards(**request)
        yield from answer["Shards"]
        if not answer.get("NextToken"):
            return
        request = {"NextToken": answer["NextToken"]}
    raise endless(request)


def _filter(kcl: Mapping[str, str]) -> dict[str, Any]:
    position = initial_position(kcl)
    if position != "AT_TIMESTAMP":
        return {"Type": f"AT_{position}"}
    epoch_s = int(kcl["initialPositionInStreamExtended"])
    return {"Type": position, "Timestamp": datetime.fromtimestamp(epoch_s, UTC)}


def _parents(shard: Shard) -> list[str]:
    keys = ("ParentShardId", "AdjacentParentShardId")
    return sorted({shard[key] for key in keys if shard.get(key)})
