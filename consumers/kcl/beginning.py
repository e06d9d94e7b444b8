"""Starts over with a stream that was made anew: removes the former leases, and stores which stream is read.

Order: leases, their successors, the stored stream. After an interruption, all of it is done again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from consumers.config.consumer import EX_CONFIG, EX_UNAVAILABLE
from consumers.config.settings import Settings
from consumers.kcl.holding import Held, held
from consumers.kcl.leases import is_lease, scan, table_of
from consumers.kcl.pulse import Pulse, failover_s


class StillRuns(Exception):
    """A daemon of the application still renews its leases."""

    exit_code = EX_UNAVAILABLE


class NeedsNames(Exception):
    """The state stored under these names belongs to the former stream. The message tells which names to change."""

    exit_code = EX_CONFIG


def insist_on_names(settings: Settings, section: str, anew: Sequence[str]) -> None:
    """Refuse to start over if the consumer stores under names that the former stream used.

    Raises:
        NeedsNames: it does, so other names are needed.

    """
    if not anew:
        return
    keys = ", ".join(f"{section}.{key}" for key in anew)
    message = (
        f"what {settings.application} has stored speaks of the former stream by the names of its shards, and the new "
        "one has shards of the same names: neither may follow the other in one place. What is stored stays. "
        f"Remedy: give {settings.path} another applicationName and {keys}, then kinesis-fleet prepare {settings.path}"
    )
    raise NeedsNames(message)


def insist_on_rest(settings: Settings, dynamodb: Any, sleep: Callable[[float], None]) -> None:  # noqa: ANN401 - boto3
    """Check that no daemon renews the leases, by two looks further apart than an owner takes to renew.

    Raises:
        StillRuns: a lease was renewed.

    """
    pulse = Pulse()
    before = held(settings, dynamodb)
    pulse.look(before, 0.0)
    if any(one.owner for one in before):
        sleep(failover_s(settings.kcl) / 2)
    leases = held(settings, dynamodb)
    pulse.look(leases, 1.0)
    silent = {one.shard for one in pulse.silent(leases, 1.0)}
    alive: list[Held] = [one for one in leases if one.owner and not one.ended and one.shard not in silent]
    if alive:
        message = (
            f"{alive[0].owner} still renews the lease of {alive[0].shard}. Remedy: stop all daemons of "
            f"{settings.application} first"
        )
        raise StillRuns(message)


def insist_on_higher_numbers(
    settings: Settings, shards: Iterable[Mapping[str, Any]], checkpoints: Iterable[str]
) -> None:
    """Check that the new stream's sequence numbers begin above those that were read.

    Raises:
        NeedsNames: they begin lower.

    """
    read = max((int(one) for one in checkpoints if one.isascii() and one.isdigit()), default=-1)
    first = min((int(one["SequenceNumberRange"]["StartingSequenceNumber"]) for one in shards), default=read + 1)
    if first <= read:
        message = (
            f"the sequence numbers of the new stream begin below those that {settings.application} has read, so that "
            "records of both would be taken for one. Remedy: give "
            f"{settings.path} another applicationName, and another place to store them in"
        )
        raise NeedsNames(message)


def clear(settings: Settings, dynamodb: Any) -> int:  # noqa: ANN401 - boto3
    """Delete the leases, and return their number."""
    table = table_of(settings)
    rows = [row for row in scan(dynamodb, table) if is_lease(row)]
    for row in rows:
        dynamodb.delete_item(TableName=table, Key={"leaseKey": row["leaseKey"]})
    return len(rows)
