"""Whether each shard has an owner that lives, and who is to blame where one has not. Pure but for `leader`.

KCL's leader hands leases out. A lease keeps its owner's name when that has stopped, so that only its counter tells.
Source: `LeaseAssignmentManager` and `DynamoDBLockBasedLeaderDecider` of KCL 3.1.3; the lock's row is `Leader`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.config.settings import Settings
from consumers.kcl.holding import Held

_TABLE = "coordinatorStateTableName"


def unheld(leases: Sequence[Held], before: Mapping[str, int]) -> list[Held]:
    """List the open leases that nobody has renewed since `before`, which gives renewals by shard."""
    return [one for one in leases if not one.ended and (not one.owner or before.get(one.shard) == one.renewals)]


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


def leader(settings: Settings, dynamodb: Any) -> str:  # noqa: ANN401 - boto3
    """Name the worker that hands leases out; empty where there is none.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.

    """
    table = settings.kcl.get(_TABLE, f"{settings.application}-CoordinatorState")
    try:
        found = dynamodb.get_item(TableName=table, Key={"key": {"S": "Leader"}}, ConsistentRead=True)
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""
    return str(found.get("Item", {}).get("ownerName", {}).get("S", ""))
