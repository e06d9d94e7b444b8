"""Reads the first record after each lease's checkpoint, at a low rate.

All consumers of a shard share five reads a second. A quiet shard returns empty answers, a piece of the gap after the
checkpoint at a time. So each shard's place is kept from call to call, and advances through the gap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from consumers.config.settings import Settings
from consumers.kcl.holding import SENTINELS, Held
from consumers.kcl.lag import Answer, Lag, of_answer, of_gap, of_refusal
from consumers.stream import request_of, timestamp_of

ROUNDS = 20
_APART_S = 0.5
_TOO_OLD = "ExpiredIteratorException"  # an iterator expires after five minutes


@dataclass(slots=True)
class _Place:
    """The place up to which a shard holds nothing unread, and the last answer on the way there."""

    checkpoint: tuple[str, int]
    iterator: str | None
    answer: Answer | None = None


class Lags:
    """The places of all shards, read side by side."""

    def __init__(self, settings: Settings, kinesis: Any, pause: Callable[[float], None]) -> None:  # noqa: ANN401 - boto3
        """Start with no places."""
        self._settings, self._kinesis, self._pause = settings, kinesis, pause
        self._places: dict[str, _Place] = {}

    def of(self, leases: Sequence[Held]) -> dict[str, Lag]:
        """Return the lag of each lease by shard, after at most `ROUNDS` reads of each shard.

        Raises:
            botocore.exceptions.ClientError: AWS refused a call, for a reason that is not one lease's alone.

        """
        found: dict[str, Lag] = {}
        for number in range(ROUNDS):
            left = [one for one in leases if one.begins and one.shard not in found]
            if number and left:
                self._pause(_APART_S)
            for one in left:
                lag = self._step(one)
                if lag is not None:
                    found[one.shard] = lag
        return found | {one.shard: self._gap(one) for one in leases if one.begins and one.shard not in found}

    def _step(self, one: Held) -> Lag | None:
        """Read once, and return the lag if the answer gives it."""
        try:
            place = self._places.get(one.shard)
            if place is None or place.checkpoint != (one.checkpoint, one.sub_sequence_number):
                place = self._places[one.shard] = self._begin(one)
            if not place.iterator:
                return Lag(0.0)
            place.answer = self._read(place.iterator)
        except ClientError as refusal:
            self._places.pop(one.shard, None)
            code = refusal.response.get("Error", {}).get("Code", "")
            lag = of_refusal(one, code)
            if lag is None and code != _TOO_OLD:
                raise
            return lag
        lag = of_answer(one, place.answer)
        if lag is None:
            place.iterator = place.answer["NextShardIterator"]
        return lag

    def _gap(self, one: Held) -> Lag:
        place = self._places.get(one.shard)
        return of_gap((place and place.answer) or {})

    def _begin(self, one: Held) -> _Place:
        name = request_of(self._settings)
        answer = self._kinesis.get_shard_iterator(ShardId=one.shard, **name, **_at(self._settings, one))
        return _Place((one.checkpoint, one.sub_sequence_number), answer.get("ShardIterator"))

    def _read(self, iterator: str) -> Answer:
        arn = self._settings.kcl.get("streamArn")
        answer: Answer = self._kinesis.get_records(
            ShardIterator=iterator, Limit=1, **({"StreamARN": arn} if arn else {})
        )
        return answer


def _at(settings: Settings, one: Held) -> dict[str, Any]:
    if one.checkpoint == "AT_TIMESTAMP":
        return {"ShardIteratorType": one.checkpoint, "Timestamp": timestamp_of(settings.kcl) / 1000}
    if one.checkpoint in SENTINELS:
        return {"ShardIteratorType": one.checkpoint}
    # With a checkpoint inside an aggregate, the rest of its own record may be unread.
    type_ = "AT_SEQUENCE_NUMBER" if one.sub_sequence_number else "AFTER_SEQUENCE_NUMBER"
    return {"ShardIteratorType": type_, "StartingSequenceNumber": one.checkpoint}
