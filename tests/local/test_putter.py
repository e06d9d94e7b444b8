"""The putter: within the limits of a call, sending again what failed and nothing else."""

import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from consumers.local.ledger import Ledger, sha256_of
from consumers.local.putter import MAX_BATCH_BYTES, Putter, batches
from consumers.local.simulator import Kind, Produced, play


def records(total: int) -> list[Produced]:
    """Distinct records of one key."""
    return [Produced("key", f"{number}".encode(), Kind.EVENT) for number in range(total)]


class Stream:
    """Takes records, except where the script says otherwise for the n-th call."""

    def __init__(self, script: dict[int, Any] | None = None) -> None:
        self.calls: list[list[bytes]] = []
        self.taken: list[bytes] = []
        self._script = script or {}
        self._numbers = count(1)

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Answer as the service does."""
        assert StreamName == "stream"
        turn = self._script.get(len(self.calls), ())
        self.calls.append([record["Data"] for record in Records])
        refused = () if isinstance(turn, Exception) else turn
        results = [self._result(record, refused=index in refused) for index, record in enumerate(Records)]
        if isinstance(turn, Exception):
            raise turn
        return {"FailedRecordCount": len(refused), "Records": results}

    def _result(self, record: dict[str, Any], *, refused: bool) -> dict[str, str]:
        if refused:
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
        self.taken.append(record["Data"])
        return {"ShardId": "shardId-000000000000", "SequenceNumber": str(next(self._numbers))}


@pytest.fixture
def ledger() -> Ledger:
    """Open an empty ledger."""
    return Ledger()


def test_only_what_failed_is_sent_again(ledger: Ledger) -> None:
    """Items refused by the stream go out again alone, until they are taken; each is entered once."""
    stream = Stream({0: (1, 3), 1: (0,)})
    Putter(stream, "stream", ledger, 0).put(records(5), threading.Event())
    assert stream.calls == [[b"0", b"1", b"2", b"3", b"4"], [b"1", b"3"], [b"1"]]
    assert sorted(entry.sha256 for entry in ledger) == sorted(sha256_of(r.data) for r in records(5))
    assert ledger.put == 5
    assert ledger.put_bytes == 5


def test_a_lost_answer_is_doubted_and_sent_again(ledger: Ledger) -> None:
    """Without an answer all is sent again, and the ledger knows that it may stand twice."""
    stream = Stream({0: ReadTimeoutError(endpoint_url="http://127.0.0.1")})
    Putter(stream, "stream", ledger, 0).put(records(3), threading.Event())
    assert len(stream.taken) == 6
    assert ledger.put == 3
    assert sum(ledger.unsure.values()) == 3


def test_calls_stay_within_the_limits() -> None:
    """No call exceeds 500 records or 5 MiB with keys, and nothing is dropped or reordered."""
    some = list(islice(play(1), 12_000))
    made = list(batches(some, 500))
    assert [record for batch in made for record in batch] == some
    for batch in made:
        size = sum(len(record.data) + len(record.partition_key.encode()) for record in batch)
        assert len(batch) <= 500
        assert size <= MAX_BATCH_BYTES
    heavy = [Produced("k", bytes(1024 * 1024 - 1), Kind.OVERSIZED)] * 12
    assert [len(batch) for batch in batches(heavy, 500)] == [5, 5, 2]


def test_a_set_stop_ends_an_endless_supply(ledger: Ledger) -> None:
    """Once told to stop it puts nothing more."""
    stop = threading.Event()
    stream = Stream()

    def supply() -> Iterator[Produced]:
        for number in count():
            if number == 1200:
                stop.set()
            yield Produced("key", b"x", Kind.EVENT)

    Putter(stream, "stream", ledger, 0).put(supply(), stop)
    assert len(stream.taken) in {1000, 1200}


def test_the_rate_is_kept(ledger: Ledger) -> None:
    """1,000 records/s take at least the time that they must, in calls of a tenth of a second."""
    stream = Stream()
    began_s = time.monotonic()
    Putter(stream, "stream", ledger, 1000).put(records(300), threading.Event())
    assert time.monotonic() - began_s >= 0.199
    assert [len(call) for call in stream.calls] == [100, 100, 100]
