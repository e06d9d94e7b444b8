"""The lines of the daemon's pipe: what of a message may be missing, and what is none."""

import io
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest

from consumers.envelope import Unreadable
from consumers.kcl.lines import LineReader
from consumers.kcl.pipe import NotUnderstood, ShardProcess
from consumers.records import Record
from tests.support.fake_daemon import new_records, wire


class Heard:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[list[Record], int | None, list[bytes]]] = []
        self.taken: list[tuple[str, str, int]] = []

    def initialize(self, shard: str, sequence_number: str, sub_sequence_number: int) -> None:
        self.taken.append((shard, sequence_number, sub_sequence_number))

    def process_records(
        self, records: list[Record], behind_ms: int | None, to: Any, unreadable: Sequence[Unreadable] = ()
    ) -> None:
        self.deliveries.append((records, behind_ms, [one.raw for one in unreadable]))

    def lease_lost(self) -> None: ...

    def shard_ended(self, to: Any) -> None: ...

    def shutdown_requested(self, to: Any) -> None: ...


def hear(*lines: bytes) -> Heard:
    """Send lines through a pipe, and close it."""
    heard, (reading, writing) = Heard(), os.pipe()
    os.write(writing, b"".join(line + b"\n" for line in lines))
    os.close(writing)
    try:
        ShardProcess(heard, LineReader(reading), io.BytesIO()).run()
    finally:
        os.close(reading)
    return heard


def delivery(records: object, **more: object) -> bytes:
    """Write a delivery."""
    return json.dumps({"action": "processRecords", "records": records, "millisBehindLatest": 5, **more}).encode()


SHARD = new_records(3)
DEEP = b'{"data":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
LINES = [wire(record) for record in SHARD]


@pytest.mark.parametrize(
    ("line", "records", "behind_ms", "unreadable"),
    [
        (delivery(LINES), SHARD, 5, []),
        (delivery(LINES, millisBehindLatest=None), SHARD, None, []),
        (b'{"action":"processRecords","records":[]}', [], None, []),
        (b'{"action":"processRecords"}', [], None, []),
        (b'{"action":"processRecords","records":null,"millisBehindLatest":0}', [], None, []),
        (delivery(LINES, millisBehindLatest="soon"), SHARD, None, []),
        (delivery([LINES[0], None, LINES[1]]), SHARD[:2], 5, [b"null"]),
        (delivery([*LINES, {"partitionKey": "\ud800"}]), SHARD, 5, [b'{"partitionKey": "\\ud800"}']),
        (
            delivery([LINES[0] | {"sequenceNumber": "x"}]),
            [],
            5,
            [json.dumps(LINES[0] | {"sequenceNumber": "x"}).encode()],
        ),
        (b'{"action":"processRecords","records":[%s],"millisBehindLatest":5}' % DEEP, [], 5, [DEEP]),
        (delivery([LINES[0], float("inf")], more=1), SHARD[:1], 5, [b"Infinity"]),
    ],
)
def test_deliveries(line: bytes, records: list[Record], behind_ms: int | None, unreadable: list[bytes]) -> None:
    """One element costs none of the others, and what is left out is not known."""
    assert hear(line).deliveries == [(records, behind_ms, unreadable)]


def test_a_shard_without_a_position() -> None:
    """Null or left out, it begins where the stream does."""
    lines = (
        b'{"action":"initialize","shardId":"s","sequenceNumber":null,"subSequenceNumber":null}',
        b'{"action":"initialize","shardId":"s"}',
        b'{"action":"initialize","shardId":"s","sequenceNumber":"7","subSequenceNumber":1,"new":{}}',
    )
    assert hear(*lines).taken == [("s", "", 0), ("s", "", 0), ("s", "7", 1)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hunter2", "malformed"),
        (b'{"action":"hunter2"}', "its action is none of those known"),
        (b'{"action":"initialize"}', "shardId"),
        (b'{"action":"processRecords","records":{"hunter2":1}}', "$.records"),
        (b'{"action":"processRecords","records":[{"hunter2":1}', "no whole JSON"),
        (b'{"action":"processRecords","records":[{"data":"hunter2', "truncated"),
        (b"\xff", "malformed"),
    ],
)
def test_what_is_no_message_is_named(line: bytes, why: str) -> None:
    """It ends the process; what is said of it holds none of its data."""
    with pytest.raises(NotUnderstood) as fault:
        hear(line)
    assert f"a line of {len(line)} bytes from the daemon is no message of the protocol" in str(fault.value)
    assert why in str(fault.value)
    assert "hunter2" not in str(fault.value)
