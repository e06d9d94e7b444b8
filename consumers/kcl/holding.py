"""Who holds the leases of an application, and how far behind each shard is: what a deploy looks at before each step.

The lag of a shard is asked of Kinesis, by a read of one record after its checkpoint: it tells how much the application
has still to do, whether anybody does it or not. Source: `MillisBehindLatest`, GetRecords, Amazon Kinesis API Reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from consumers.config.settings import Settings
from consumers.kcl.leases import scan, table_of
from consumers.stream import request_of, timestamp_of

_SENTINELS = frozenset({"TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"})
ENDED = "SHARD_END"


class Held(msgspec.Struct, frozen=True, rename="camel"):
    """One lease. `owner` is empty where nobody has it; `lag_seconds` is None for a shard that has ended, and unasked.

    `renewals` is KCL's counter: an owner that lives counts it up several times within the fail-over time. A lease keeps
    its owner's name when that has stopped. `giver` is the worker that still reads while the owner is given the lease.
    """

    shard: str
    owner: str
    checkpoint: str
    renewals: int
    lag_seconds: float | None
    giver: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing of the shard is left to do."""
        return self.checkpoint == ENDED


def held(settings: Settings, kinesis: Any | None, dynamodb: Any) -> list[Held]:  # noqa: ANN401 - boto3
    """List the leases, by shard; none before the application was prepared. Without `kinesis` no lag is asked for.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call.

    """
    try:
        items = [item for item in scan(dynamodb, table_of(settings)) if "checkpoint" in item]
    except dynamodb.exceptions.ResourceNotFoundException:
        return []
    return sorted((_held(item, settings, kinesis) for item in items), key=lambda one: one.shard)


def unsettled(
    leases: Sequence[Held], worker: str | None, most_lag_s: float, before: Mapping[str, int] | None = None
) -> list[str]:
    """Say what is not as it should be: a lease that nobody has, too much lag, or a worker without any. Pure.

    Given the renewals `before`, by shard, a lease must have been renewed since then: its owner's name is no proof.
    """
    if not leases:
        return ["there is no lease: kinesis-fleet prepare FILE"]
    open_ones = [one for one in leases if not one.ended]
    problems = [f"{one.shard}: nobody has its lease" for one in open_ones if not one.owner]
    problems += [
        f"{one.shard}: {one.owner} has not renewed its lease yet"
        for one in open_ones
        if one.owner and before is not None and before.get(one.shard) == one.renewals
    ]
    problems += [
        f"{one.shard}: {one.lag_seconds:,.0f} s behind"
        for one in open_ones
        if one.lag_seconds is not None and one.lag_seconds > most_lag_s
    ]
    if worker is not None and not any(one.owner == worker for one in open_ones):
        problems.append(f"{worker} has no lease")
    return problems


def _held(item: Mapping[str, Any], settings: Settings, kinesis: Any | None) -> Held:  # noqa: ANN401 - boto3
    shard, checkpoint = item["leaseKey"]["S"], item["checkpoint"]["S"]
    owner = item.get("leaseOwner", {}).get("S", "")
    lag_s = None if checkpoint == ENDED or kinesis is None else _lag_s(settings, kinesis, shard, checkpoint)
    giver = item.get("checkpointOwner", {}).get("S", "")
    return Held(shard, owner, checkpoint, int(item["leaseCounter"]["N"]), lag_s, giver)


def _lag_s(settings: Settings, kinesis: Any, shard: str, checkpoint: str) -> float:  # noqa: ANN401 - boto3
    where: dict[str, Any] = {"ShardIteratorType": checkpoint}
    if checkpoint not in _SENTINELS:
        where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": checkpoint}
    elif checkpoint == "AT_TIMESTAMP":
        where["Timestamp"] = timestamp_of(settings.kcl) / 1000
    iterator = kinesis.get_shard_iterator(ShardId=shard, **request_of(settings), **where)["ShardIterator"]
    arn = settings.kcl.get("streamArn")
    answer = kinesis.get_records(ShardIterator=iterator, Limit=1, **({"StreamARN": arn} if arn else {}))
    return float(answer["MillisBehindLatest"]) / 1000
