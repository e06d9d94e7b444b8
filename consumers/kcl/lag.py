"""How far behind a lease is, from one answer of Kinesis: the age of the first record after its checkpoint. Pure.

That tells how much the application has still to do, whether anybody does it or not. `MillisBehindLatest` of the same
answer is of the place after that record, and 0 for the last one, however old it is. What the API calls optional may be
absent. Source: GetRecords, Amazon Kinesis API Reference.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from consumers.kcl.aggregates import opened
from consumers.kcl.holding import SENTINELS, Held

_LAST_HASH = 2**128 - 1
_BUSY = frozenset(
    {
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
    """`seconds` is 0 where nothing is unread, and None where it is not known; `problem` then says why.

    `at_most`: nothing unread was found yet, and what there may be is no older.
    """

    seconds: float | None
    problem: str = ""
    at_most: bool = False


def of_answer(one: Held, answer: Answer) -> Lag | None:
    """Tell the lag by an answer from a lease's checkpoint on, or from further; None where reading has to go on."""
    records = answer.get("Records", ())
    if any(not _is_read(one, record) for record in records):
        return _age(answer)
    if not answer.get("NextShardIterator"):
        return Lag(0.0)  # the shard has ended, and nothing of it is left
    return Lag(0.0) if answer.get("MillisBehindLatest") == 0 and not records else None


def of_gap(answer: Answer) -> Lag:
    """Tell what is known where reading stopped before it came to a record or to the end."""
    behind_ms = answer.get("MillisBehindLatest")
    if behind_ms is None:
        return Lag(None, "its lag is not known: Kinesis gave neither a record nor MillisBehindLatest")
    return Lag(behind_ms / 1000, at_most=True)


def of_refusal(one: Held, code: str) -> Lag | None:
    """Tell what a refusal says of this lease; None where it is not this lease's alone."""
    if code in _BUSY:
        return Lag(None, f"its lag is not known: {code}, Kinesis takes no more reads of this shard now. Look again")
    if code == "ResourceNotFoundException":
        return Lag(None, "the stream has no such shard any more: what was unread of it has expired")
    if code == "InvalidArgumentException" and one.checkpoint not in SENTINELS:
        return Lag(None, _FOREIGN.format(number=one.checkpoint))
    return None


def _is_read(one: Held, record: Mapping[str, Any]) -> bool:
    """Whether a record is the checkpoint's own, and nothing of it is left."""
    if record["SequenceNumber"] != one.checkpoint:
        return False
    aggregate = opened(record["Data"], 0, _LAST_HASH)
    return aggregate is None or aggregate.user_records <= one.sub_sequence_number + 1


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
