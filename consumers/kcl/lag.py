"""Computes a lease's lag from one answer of Kinesis: the age of the first record after its checkpoint. Pure.

It shows how much the application has still to read, whether a worker reads it or not. `MillisBehindLatest` of the same
answer is that of the place after the record, and 0 for the last record, however old it is. Fields that the API calls
optional may be absent. Source: GetRecords, Amazon Kinesis API Reference.
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
    """The lag of a lease. `seconds` is 0 if nothing is unread, and None if unknown; `problem` then gives the reason.

    `at_most` means that nothing unread was found yet, and that whatever is unread is no older than `seconds`.
    """

    seconds: float | None
    problem: str = ""
    at_most: bool = False


def of_answer(one: Held, answer: Answer) -> Lag | None:
    """Compute the lag from an answer at or after a lease's checkpoint; return None if reading must go on."""
    records = answer.get("Records", ())
    if any(not _is_read(one, record) for record in records):
        return _age(answer)
    if not answer.get("NextShardIterator"):
        return Lag(0.0)  # the shard has ended, and nothing of it is unread
    return Lag(0.0) if answer.get("MillisBehindLatest") == 0 and not records else None


def of_gap(answer: Answer) -> Lag:
    """Return what is known if reading stopped before it reached a record or the end."""
    behind_ms = answer.get("MillisBehindLatest")
    if behind_ms is None:
        return Lag(None, "its lag is not known: Kinesis gave neither a record nor MillisBehindLatest")
    return Lag(behind_ms / 1000, at_most=True)


def of_refusal(one: Held, code: str) -> Lag | None:
    """Return the lag for a refusal that concerns this lease alone; None for any other."""
    if code in _BUSY:
        return Lag(None, f"its lag is not known: {code}, Kinesis takes no more reads of this shard now. Look again")
    if code == "ResourceNotFoundException":
        return Lag(None, "the stream has no such shard any more: what was unread of it has expired")
    if code == "InvalidArgumentException" and one.checkpoint not in SENTINELS:
        return Lag(None, _FOREIGN.format(number=one.checkpoint))
    return None


def _is_read(one: Held, record: Mapping[str, Any]) -> bool:
    """Return whether a record is the checkpoint's own, and read to its end."""
    if record["SequenceNumber"] != one.checkpoint:
        return False
    aggregate = opened(record["Data"], 0, _LAST_HASH)
    return aggregate is None or aggregate.user_records <= one.sub_sequence_number + 1


def _age(answer: Answer) -> Lag:
    """Return the age that the answer's first record had at the time of the answer."""
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
