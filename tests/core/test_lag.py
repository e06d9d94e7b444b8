"""How far behind a lease is, by the age of its first unread record, from answers as Kinesis gives them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.exceptions import ClientError

from consumers.kcl.holding import Held
from consumers.kcl.lag import Lag
from consumers.kcl.lags import ROUNDS, Lags
from tests.config.sample import settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DATE = "Sat, 31 Jan 2026 12:00:00 GMT"
LEASE = Held("shardId-0", "host-1", "495", 7)


class Kinesis:
    """Answers as it is told, and notes what was asked."""

    def __init__(self, *answers: Mapping[str, Any] | ClientError) -> None:
        self.answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []

    def get_shard_iterator(self, **request: Any) -> dict[str, Any]:
        """Give an iterator."""
        self.asked.append(request)
        return {"ShardIterator": "0"}

    def get_records(self, **request: Any) -> Mapping[str, Any]:
        """Give the next answer."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer


def answer(
    age_s: float | None = None,
    behind_ms: int | None = 0,
    *,
    more: bool = True,
    arrival: bool = True,
    date: str | None = DATE,
) -> dict[str, Any]:
    """Give an answer with a record of this age, or without one."""
    record: dict[str, Any] = {"SequenceNumber": "496", "Data": b"x"}
    if arrival and age_s is not None:
        record["ApproximateArrivalTimestamp"] = NOW - timedelta(seconds=age_s)
    return {
        "Records": [] if age_s is None else [record],
        **({} if behind_ms is None else {"MillisBehindLatest": behind_ms}),
        **({"NextShardIterator": "1"} if more else {}),
        "ResponseMetadata": {"HTTPHeaders": {} if date is None else {"date": date}},
    }


def lag_of(folder: Path, kinesis: Kinesis, lease: Held = LEASE, pauses: list[float] | None = None) -> Lag:
    """Read one lease's lag."""
    pauses = [] if pauses is None else pauses
    return Lags(settings(folder), kinesis, pauses.append).of([lease])[lease.shard]


def refusal(code: str) -> ClientError:
    """Give what boto3 raises."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([answer(90)], Lag(90.0)),
        ([answer(90, 5000)], Lag(90.0)),
        ([answer(-2)], Lag(0.0)),
        ([answer(90, 5000, arrival=False)], Lag(5.0)),
        ([answer(90, 5000, date=None)], Lag(5.0)),
        ([answer(90, 5000, date="yesterday")], Lag(5.0)),
        ([answer()], Lag(0.0)),
        ([answer(None, None, more=False)], Lag(0.0)),
        ([answer(None, 9000), answer(None, 8000), answer(7)], Lag(7.0)),
        ([answer(None, 9000), answer(None, 0)], Lag(0.0)),
        ([answer(None, 9000), answer(None, 1, more=False)], Lag(0.0)),
        ([answer(None, 9000)] * ROUNDS, Lag(9.0, at_most=True)),
    ],
    ids=[
        "the last record is old",
        "not the last",
        "a clock that is ahead",
        "no arrival",
        "no date",
        "an odd date",
        "nothing unread",
        "ended",
        "behind a gap",
        "a gap at the tip",
        "a gap at the end",
        "a long gap",
    ],
)
def test_the_lag(tmp_path: Path, answers: list[dict[str, Any]], expected: Lag) -> None:
    """It is the age of the first record after the checkpoint; an empty answer is followed, a few reads at a time."""
    kinesis, pauses = Kinesis(*answers), list[float]()
    assert lag_of(tmp_path, kinesis, LEASE, pauses) == expected
    assert kinesis.answers == []
    assert pauses == [0.5] * (len(answers) - 1), "the reads of a shard are shared: two a second are gentle"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([refusal("ProvisionedThroughputExceededException")], "Kinesis takes no more reads of this shard now"),
        ([refusal("ResourceNotFoundException")], "no such shard any more"),
        ([refusal("InvalidArgumentException")], "Kinesis knows no sequence number 495"),
        ([answer(None, None)] * ROUNDS, "neither a record nor MillisBehindLatest"),
        ([answer(90, None, arrival=False)], "neither the record's arrival nor MillisBehindLatest"),
    ],
)
def test_what_is_not_known_is_said(tmp_path: Path, answers: list[Any], words: str) -> None:
    """It is no lag of 0, and no trace."""
    lag = lag_of(tmp_path, Kinesis(*answers))
    assert lag.seconds is None
    assert words in lag.problem


def test_a_refusal_that_is_not_the_leases_is_the_commands(tmp_path: Path) -> None:
    """A missing permission ends it."""
    with pytest.raises(ClientError):
        lag_of(tmp_path, Kinesis(refusal("AccessDeniedException")))


@pytest.mark.parametrize(
    ("checkpoint", "place"),
    [
        ("495", {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "495"}),
        ("LATEST", {"ShardIteratorType": "LATEST"}),
        ("AT_TIMESTAMP", {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1764547200.0}),
    ],
)
def test_reading_begins_where_kcl_would(tmp_path: Path, checkpoint: str, place: Mapping[str, Any]) -> None:
    """After the checkpoint, or where the file says."""
    kinesis = Kinesis(answer())
    changes = {"initialPositionInStreamExtended": "1764547200"}
    Lags(settings(tmp_path, changes), kinesis, lambda _: None).of([Held("shardId-0", "", checkpoint, 0)])
    assert kinesis.asked[0] == {"ShardId": "shardId-0", "StreamName": "events", **place}


def test_the_rest_of_an_aggregate_is_unread(tmp_path: Path) -> None:
    """A checkpoint inside one leaves its later user records; one at its last leaves none of it."""
    aggregator = RecordAggregator()
    for number in range(3):
        aggregator.add_user_record("key", b"%d" % number)
    own = answer(90)
    own["Records"][0].update(SequenceNumber="495", Data=aggregator.clear_and_get().get_contents()[2])

    def lag(sub: int, *answers: dict[str, Any]) -> Lag:
        lease = Held("shardId-0", "host-1", "495", 7, sub_sequence_number=sub)
        return lag_of(tmp_path, Kinesis(*answers), lease)

    assert lag(1, own) == Lag(90.0)
    assert lag(2, own, answer()) == Lag(0.0)
    assert lag(2, own, answer(7)) == Lag(7.0)
    assert lag(2, answer(7)) == Lag(7.0), "its own record has expired"


def test_a_long_gap_is_passed_from_look_to_look(tmp_path: Path) -> None:
    """It goes on where it was, as long as the checkpoint stands; a record that was found is looked at again."""
    kinesis = Kinesis(*[answer(None, 9000)] * ROUNDS, answer(None, 5000), answer(3), answer(4), answer())
    lags = Lags(settings(tmp_path), kinesis, lambda _: None)
    assert lags.of([LEASE]) == {"shardId-0": Lag(9.0, at_most=True)}
    assert lags.of([LEASE]) == {"shardId-0": Lag(3.0)}
    assert lags.of([LEASE]) == {"shardId-0": Lag(4.0)}
    assert sum("ShardIteratorType" in asked for asked in kinesis.asked) == 1
    assert lags.of([Held("shardId-0", "host-1", "496", 8)]) == {"shardId-0": Lag(0.0)}
    assert sum("ShardIteratorType" in asked for asked in kinesis.asked) == 2


def test_an_iterator_that_is_too_old_is_made_anew(tmp_path: Path) -> None:
    """Kinesis keeps one for five minutes."""
    assert lag_of(tmp_path, Kinesis(refusal("ExpiredIteratorException"), answer(3))) == Lag(3.0)
