"""Samples records of each shard, to find aggregates that KCL would not deliver.

KCL drops aggregates silently, and nothing behind it can detect that. So records are read past it: a few of the newest
and of the oldest of each shard, at a low rate, since all consumers of a shard share five reads and 2 MB a second.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from msgspec.structs import replace

from consumers.config.settings import Settings
from consumers.hours.lineage import StreamShard
from consumers.kcl.aggregates import Aggregate, opened
from consumers.stream import request_of

_RECORDS = 25  # of one read: 1.3 MB of aggregates as the producer library makes them by default
_READS = 3  # at one place: an answer without a record may be a gap
_APART_S = 0.25
_NEWEST_S = 120
_MOST_S = 20.0
_MOST_BYTES = 64 * 2**20
_PASSED_OVER = frozenset(
    {
        "InvalidArgumentException",  # by this host's clock no record can be as new
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ResourceNotFoundException",
    }
)


class Dropped(msgspec.Struct, frozen=True, rename="camel"):
    """An aggregate that KCL does not deliver whole. `at` is the number, from 0, of the user record at fault."""

    shard: str
    sequence_number: str
    user_records: int
    at: int
    why: str


class Sample(msgspec.Struct, frozen=True, rename="camel"):
    """What was sampled: shards, records, bytes, aggregates, and the dropped ones. `of_shards` counts all shards."""

    shards: int = 0
    of_shards: int = 0
    records: int = 0
    aggregates: int = 0
    dropped: tuple[Dropped, ...] = ()
    bytes: int = 0


def sample(
    settings: Settings,
    kinesis: Any,  # noqa: ANN401 - boto3
    shards: Sequence[StreamShard],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Sample:
    """Read the newest records of each shard, then the oldest, for at most 20 s and 64 MiB.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call for all shards.

    """
    until = clock() + _MOST_S
    places: list[dict[str, Any]] = [
        {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": time.time() - _NEWEST_S},
        {"ShardIteratorType": "TRIM_HORIZON"},
    ]
    found, seen, looked = Sample(of_shards=len(shards)), set[tuple[str, str]](), set[str]()
    for place in places:
        for shard in shards:
            if clock() >= until or found.bytes >= _MOST_BYTES:
                return found
            records = _read(settings, kinesis, shard, place, pause)
            if records is not None:
                looked.add(shard.shard)
                new = [one for one in records if (shard.shard, one["SequenceNumber"]) not in seen]
                seen |= {(shard.shard, one["SequenceNumber"]) for one in new}
                found = replace(_with(found, shard, new), shards=len(looked))
    return found


def _with(found: Sample, shard: StreamShard, records: Iterable[dict[str, Any]]) -> Sample:
    for record in records:
        data: bytes = record["Data"]
        aggregate = opened(data, shard.first_hash, shard.last_hash)
        dropped = found.dropped
        if aggregate is not None and not aggregate.whole:
            dropped = (*dropped, _dropped(shard.shard, record["SequenceNumber"], aggregate))
        found = replace(
            found,
            records=found.records + 1,
            aggregates=found.aggregates + (aggregate is not None),
            dropped=dropped,
            bytes=found.bytes + len(data),
        )
    return found


def _dropped(shard: str, sequence: str, aggregate: Aggregate) -> Dropped:
    if aggregate.outside is not None:
        return Dropped(shard, sequence, aggregate.user_records, aggregate.outside, "its hash lies outside the shard")
    return Dropped(shard, sequence, aggregate.user_records, aggregate.broken or 0, "it names a key that is not there")


def _read(
    settings: Settings,
    kinesis: Any,  # noqa: ANN401 - boto3
    shard: StreamShard,
    place: dict[str, Any],
    pause: Callable[[float], None],
) -> list[dict[str, Any]] | None:
    """Read some records from a place on; return None if this shard cannot be read now."""
    arn = settings.kcl.get("streamArn")
    more = {"StreamARN": arn} if arn else {}
    try:
        answer = kinesis.get_shard_iterator(ShardId=shard.shard, **request_of(settings), **place)
        iterator = answer.get("ShardIterator")
        for number in range(_READS):
            if not iterator:
                break
            if number:
                pause(_APART_S)
            answer = kinesis.get_records(ShardIterator=iterator, Limit=_RECORDS, **more)
            if answer.get("Records") or not answer.get("MillisBehindLatest"):
                return list(answer.get("Records", ()))
            iterator = answer.get("NextShardIterator")
    except ClientError as refusal:
        if refusal.response.get("Error", {}).get("Code") not in _PASSED_OVER:
            raise
        return None
    return []
