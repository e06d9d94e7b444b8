"""The leases of an application as its lease table holds them. Faulty rows are reported with the remedy.

KCL reads a row as it stands. Without a checkpoint its processor fails each second ("Checkpoint cannot be null or
empty"); without a counter no worker can renew it. From core 3.5 on the same table holds the leader's lock, the state of
a migration and a row for each worker. These have an `entityType` (core 3.5.1, `CoordinatorState`, `WorkerMetricStats`),
or no `entityType` and no checkpoint. Source: `DynamoDBLeaseSerializer` of KCL 3.1.3.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from consumers.config.settings import Settings
from consumers.kcl.leases import is_lease, scan, table_of

ENDED = "SHARD_END"
SENTINELS = frozenset({"TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"})
_SET = 'aws dynamodb update-item --table-name {table} --key \'{{"leaseKey": {{"S": "{shard}"}}}}\' '
_CHECKPOINT = (
    '--update-expression "SET #c = :c" --expression-attribute-names \'{"#c": "checkpoint"}\' '
    '--expression-attribute-values \'{":c": {"S": "TRIM_HORIZON"}}\''
)
_COUNTER = '--update-expression "SET leaseCounter = :n" --expression-attribute-values \'{":n": {"N": "0"}}\''


class Held(msgspec.Struct, frozen=True, rename="camel"):
    """One lease, or a shard that should have one. `owner` is empty if no worker has it.

    `lag_seconds` is None if it was not read, or is unknown; in the latter case `problem` gives the reason. `renewals`
    is KCL's counter, which a live owner increases several times within the fail-over time. A lease keeps its owner's
    name after the owner has stopped. `giver` is the worker that still reads while it hands the lease over to the owner.
    `problem` is empty if all is well. `waits_for`, for a shard without a lease, is the parent that is read first.
    `parents` are those in the lease's row.
    """

    shard: str
    owner: str
    checkpoint: str
    renewals: int
    lag_seconds: float | None = None
    giver: str = ""
    problem: str = ""
    waits_for: str = ""
    sub_sequence_number: int = 0
    parents: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the shard is read to its end."""
        return self.checkpoint == ENDED

    @property
    def begins(self) -> bool:
        """Whether the checkpoint names a place from which reading can go on."""
        return self.checkpoint in SENTINELS or _is_number(self.checkpoint)


def held(settings: Settings, dynamodb: Any) -> list[Held]:  # noqa: ANN401 - boto3
    """List the leases by shard; none before the application was prepared.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call.
        Unavailable: an answer of DynamoDB lacks a part.

    """
    try:
        return of_rows(scan(dynamodb, table_of(settings)), table_of(settings))
    except dynamodb.exceptions.ResourceNotFoundException:
        return []


def of_rows(rows: Iterable[Mapping[str, Any]], table: str) -> list[Held]:
    """Return the leases among a table's rows. Pure."""
    return sorted((_held(row, table) for row in rows if is_lease(row)), key=lambda one: one.shard)


def _held(row: Mapping[str, Any], table: str) -> Held:
    shard, checkpoint = _text(row, "leaseKey"), _text(row, "checkpoint")
    counter, sub = _number(row, "leaseCounter"), _number(row, "checkpointSubSequenceNumber")
    command = _SET.format(table=table, shard=shard)
    problem = ""
    if not (checkpoint in {ENDED, *SENTINELS} or _is_number(checkpoint)):
        what = "is neither a sequence number nor TRIM_HORIZON" if checkpoint else "is empty"
        problem = (
            f"its checkpoint {what}, so that KCL reads nothing of it. Stop all workers and set one; "
            f"this begins at the oldest record: {command}{_CHECKPOINT}"
        )
    elif counter is None:
        problem = f"it has no leaseCounter, so that nobody can renew it: {command}{_COUNTER}"
    return Held(
        shard,
        _text(row, "leaseOwner"),
        checkpoint,
        counter or 0,
        giver=_text(row, "checkpointOwner"),
        problem=problem,
        sub_sequence_number=sub or 0,
        parents=tuple(row.get("parentShardId", {}).get("SS", ())),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    return str(row.get(name, {}).get("S", ""))


def _number(row: Mapping[str, Any], name: str) -> int | None:
    digits = row.get(name, {}).get("N", "")
    return int(digits) if _is_number(digits) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
