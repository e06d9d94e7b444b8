"""How far behind a lease is: the age of the first record after its checkpoint, by Kinesis's own clock.

That tells how much the application has still to do, whether anybody does it or not. `MillisBehindLatest` of the same
answer is of the place after that record, and 0 for the last one, however old it is. An answer without a record may be a
gap: it is followed for a few reads, since all consumers of a shard share five a second. What the API calls optional may
be absent. Source: GetRecords, Amazon Kinesis API Reference.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from consumers.config.settings import Settings
from consumers.kcl.aggregates import opened
from consumers.kcl.holding import SENTINELS, Held
from consumers.stream import request_of, timestamp_of

_LAST_HASH = 2**128 - 1
_MOST_READS = 8
_APART_S = 0.5
_BUSY = frozenset(
    {
        "ExpiredIteratorException",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
    }
)
_FOREIGN = (
    "Kinesis knows no sequence number {number} of this shard: it has expired, the stream was made anew under its name, "
    "or the checkpoint was set by hand. Stop all workers and set it to one that the shard has, or to TRIM_HORIZON"
)

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lag:
    """`seconds` is 0 where nothing is unread, and None where it is not known; `problem` then says why."""

    seconds: float | None
    problem: str = ""


def lag_of(settings: Settings, kinesis: Any, one: Held, pause: Callable[[float], None]) -> Lag:  # noqa: ANN401 - boto3
    """Read the first record after a lease's checkpoint.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call, for a reason that is not this lease's alone.

    """
    try:
        iterator = kinesis.get_shard_iterator(ShardId=one.shard, **request_of(settings), **_place(settings, one))
        return _follow(settings, kinesis, one, iterator.get("ShardIterator"), pause)
    except ClientError as refusal:
        code = refusal.response.get("Error", {}).get("Code", "")
        if code in _BUSY:
            return Lag(None, f"its lag is not known: {code}, Kinesis takes no more reads of this shard now. Look again")
        if code == "ResourceNotFoundException":
            return Lag(None, "the stream has no such shard any more: what was unread of it has expired")
        if code == "InvalidArgumentException" and one.checkpoint not in SENTINELS:
            return Lag(None, _FOREIGN.format(number=one.checkpoint))
        raise


def _place(settings: Settings, one: Held) -> dict[str, Any]:
    if one.checkpoint == "AT_TIMESTAMP":
        return {"ShardIteratorType": one.checkpoint, "Timestamp": timestamp_of(settings.kcl) / 1000}
    if one.checkpoint in SENTINELS:
        return {"ShardIteratorType": one.checkpoint}
    # A checkpoint inside an aggregate: the rest of its own record may be unread.
    type_ = "AT_SEQUENCE_NUMBER" if one.sub_sequence_number else "AFTER_SEQUENCE_NUMBER"
    return {"ShardIteratorType": type_, "StartingSequenceNumber": one.checkpoint}


def _is_read(one: Held, record: Mapping[str, Any]) -> bool:
    """Whether a record is the checkpoint's own, and nothing of it is left."""
    if record["SequenceNumber"] != one.checkpoint:
        return False
    aggregate = opened(record["Data"], 0, _LAST_HASH)
    return aggregate is None or aggregate.user_records <= one.sub_sequence_number + 1


def _follow(
    settings: Settings,
    kinesis: Any,  # noqa: ANN401 - boto3
    one: Held,
    iterator: str | None,
    pause: Callable[[float], None],
) -> Lag:
    arn = settings.kcl.get("streamArn")
    more = {"StreamARN": arn} if arn else {}
    behind_ms: int | None = 0
    for number in range(_MOST_READS):
        if not iterator:
            return Lag(0.0)  # the shard has ended, and nothing of it is left
        if number:
            pause(_APART_S)
        answer = kinesis.get_records(ShardIterator=iterator, Limit=1, **more)
        behind_ms = answer.get("MillisBehindLatest")
        records = answer.get("Records", ())
        if any(not _is_read(one, record) for record in records):
            return _age(answer)
        if behind_ms == 0 and not records:
            return Lag(0.0)
        iterator = answer.get("NextShardIterator")
    if behind_ms is None:
        return Lag(None, "its lag is not known: Kinesis gave neither a record nor MillisBehindLatest")
    return Lag(behind_ms / 1000)  # of the place reached: no record before it is unread


def _age(answer: Answer) -> Lag:
    """Give the age of the answer's record when it was given."""
    arrived = answer["Records"][0].get("ApproximateArrivalTimestamp")
    if arrived is not None and (now := _date(answer)):
        return Lag(max(0.0, (now - arrived).total_seconds()))
    behind_ms = answer.get("MillisBehindLatest")
    if behind_ms is None:
        return Lag(None, "its lag is not known: Kinesis gave neither the record's arrival nor MillisBehindLatest")
    return Lag(behind_ms / 1000)


def _date(answer: Answer) -> datetime | None:
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    with suppress(ValueError):
        return parsedate_to_datetime(said).astimezone(UTC)
    return None
