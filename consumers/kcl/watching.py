"""Finds shards without a live owner, and whether this host's daemon is the cause.

`unheld` and `blame` are pure. KCL's leader assigns leases. A lease keeps its owner's name after the owner has stopped,
so only its counter shows that. While a lease is handed over, its new owner waits until the giver's name is gone from
the row (`checkpointOwner`). If the giver dies meanwhile, KCL 3.1.3 can wait for ever, with the owner renewing, and
through restarts: seen with the real daemon. Source: `LeaseAssignmentManager` and `DynamoDBLockBasedLeaderDecider` of
KCL 3.1.3, whose lock is the row `Leader`; amazon-kinesis-client, pull requests 1729 and 1743, for the hand-over. From
core 3.5 on a new application has the lock in its lease table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.config.settings import Settings
from consumers.kcl.holding import Held
from consumers.kcl.leases import table_of
from consumers.kcl.pulse import Pulse

_TABLE = "coordinatorStateTableName"


def unheld(leases: Sequence[Held], pulse: Pulse, since_s: float, givers: Mapping[str, str]) -> list[Held]:
    """List the open leases that no worker was seen to renew since `since_s`, or that are still being handed over.

    `givers` are, by shard, the workers that handed leases over at the first look.
    """
    silent = {one.shard for one in pulse.silent(leases, since_s)}

    def idle(one: Held) -> bool:
        return not one.owner or one.shard in silent or givers.get(one.shard, "") == one.giver != ""

    return [one for one in leases if not one.ended and idle(one)]


def blame(leases: Sequence[Held], idle: Sequence[Held], mine: str, leader: str, room: int) -> str | None:
    """Return why the daemon of the worker `mine` should be restarted; None if that would not help.

    `room` is how many leases it may hold. If other workers are the cause, their own hosts detect it.
    """
    own = [one for one in idle if one.owner == mine]
    if own:
        return f"this host's daemon holds {own[0].shard}, and does not renew it"
    held = sum(1 for one in leases if one.owner == mine and not one.ended)
    if idle and leader == mine and held < room:
        return f"this host's daemon hands leases out and has room, and nobody has {idle[0].shard}"
    return None


def end_hand_over(settings: Settings, dynamodb: Any, lease: Held) -> bool:  # noqa: ANN401 - boto3
    """Let a lease's owner read at once; return False if the hand-over has ended meanwhile.

    KCL does the same when a hand-over times out.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.

    """
    try:
        dynamodb.update_item(
            TableName=table_of(settings),
            Key={"leaseKey": {"S": lease.shard}},
            UpdateExpression="REMOVE checkpointOwner",
            ConditionExpression="checkpointOwner = :giver AND leaseOwner = :owner",
            ExpressionAttributeValues={":giver": {"S": lease.giver}, ":owner": {"S": lease.owner}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def leader(settings: Settings, dynamodb: Any) -> str:  # noqa: ANN401 - boto3
    """Return the worker that assigns leases; empty if there is none.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.

    """
    table = settings.kcl.get(_TABLE, f"{settings.application}-CoordinatorState")
    return _lock(dynamodb, table_of(settings), "leaseKey") or _lock(dynamodb, table, "key")


def _lock(dynamodb: Any, table: str, key: str) -> str:  # noqa: ANN401 - boto3
    try:
        found = dynamodb.get_item(TableName=table, Key={key: {"S": "Leader"}}, ConsistentRead=True)
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""
    return str(found.get("Item", {}).get("ownerName", {}).get("S", ""))
