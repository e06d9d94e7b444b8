"""Whether each shard has an owner that lives, and who is to blame where one has not. Pure but for the last three.

KCL's leader hands leases out. A lease keeps its owner's name when that has stopped, so that only its counter tells.
While a lease is handed over, its new owner waits until `checkpointOwner`, who gives, is gone from the row. Where the
giver dies then, KCL 3.1.3 can wait for ever, with the owner renewing, and through restarts: seen with the real daemon.
Source: `LeaseAssignmentManager` and `DynamoDBLockBasedLeaderDecider` of KCL 3.1.3, the lock's row is `Leader`;
amazon-kinesis-client, pull requests 1729 and 1743, for the hand-over. From core 3.5 on a new application has the lock
in its lease table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.config.settings import Settings
from consumers.kcl.holding import Held
from consumers.kcl.leases import table_of
from consumers.kcl.pulse import Pulse

_TABLE = "coordinatorStateTableName"


def unheld(leases: Sequence[Held], pulse: Pulse, since_s: float, givers: Mapping[str, str]) -> list[Held]:
    """List the open leases that nobody was seen to renew since then, or that `givers`, by shard, still hand over."""
    silent = {one.shard for one in pulse.silent(leases, since_s)}

    def idle(one: Held) -> bool:
        return not one.owner or one.shard in silent or givers.get(one.shard, "") == one.giver != ""

    return [one for one in leases if not one.ended and idle(one)]


def blame(leases: Sequence[Held], idle: Sequence[Held], mine: str, leader: str, room: int) -> str | None:
    """Say why the daemon of the worker `mine` should be started again; None where that would not help.

    `room` is how many leases it may hold. Where others are to blame, their own hosts see it.
    """
    own = [one for one in idle if one.owner == mine]
    if own:
        return f"this host's daemon holds {own[0].shard}, and does not renew it"
    held = sum(1 for one in leases if one.owner == mine and not one.ended)
    if idle and leader == mine and held < room:
        return f"this host's daemon hands leases out and has room, and nobody has {idle[0].shard}"
    return None


def end_hand_over(settings: Settings, dynamodb: Any, lease: Held) -> bool:  # noqa: ANN401 - boto3
    """Let a lease's owner read at once, as KCL does itself when a hand-over times out; False if it has ended meanwhile.

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
    """Name the worker that hands leases out; empty where there is none.

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
