"""Lines as the MultiLangDaemon writes them, byte for byte in its own order of fields."""

import base64
import json
from dataclasses import dataclass

from tests.bench import events

LINE_RECORDS = 10_000
OBJECT_RECORDS = 50_000  # about what a full shard, 1,000 records a second, gives in archive.maxAgeSeconds
_SEQUENCE_PREFIX = "496600"
_SEQUENCE_DIGITS = 50


def sequence_number(index: int) -> str:
    """Give the 56-digit sequence number of a shard's record, counted from 0."""
    return f"{_SEQUENCE_PREFIX}{index + 1:0{_SEQUENCE_DIGITS}d}"


def initialize(shard: int) -> bytes:
    """Give the daemon's first message for a shard that starts at its oldest record."""
    return _line(
        {
            "action": "initialize",
            "shardId": f"shardId-{shard:012d}",
            "sequenceNumber": "TRIM_HORIZON",
            "subSequenceNumber": 0,
        }
    )


def lease_lost() -> bytes:
    """Give the daemon's last message to a child that is to leave without writing."""
    return _line({"action": "leaseLost"})


def checkpointed(sequence: object, sub_sequence: object) -> bytes:
    """Give the daemon's answer to a checkpoint that was stored."""
    return _line({"action": "checkpoint", "sequenceNumber": sequence, "subSequenceNumber": sub_sequence, "error": None})


@dataclass(frozen=True, slots=True)
class Tape:
    """The events of a run, each encoded once; any stretch of the shard can be had as a line."""

    events: list[bytes]
    _heads: list[str]

    @classmethod
    def of(cls, data: list[bytes]) -> "Tape":
        """Encode the part of each record that does not depend on where it stands."""
        heads = [
            f'{{"data":"{base64.b64encode(event).decode()}","partitionKey":"{events.partition_key(event)}","sequenceNumber":"'
            for event in data
        ]
        return cls(data, heads)

    def line(self, first: int, count: int = LINE_RECORDS) -> bytes:
        """Give one processRecords message of `count` records, from the shard's `first` on."""
        heads, size = self._heads, len(self._heads)
        records = ",".join(
            f'{heads[index % size]}{sequence_number(index)}","approximateArrivalTimestamp":{events.START_MS + index},'
            f'"subSequenceNumber":0,"action":"record"}}'
            for index in range(first, first + count)
        )
        return f'{{"action":"processRecords","records":[{records}],"millisBehindLatest":60000}}\n'.encode()

    def payload(self, first: int, count: int = LINE_RECORDS) -> bytes:
        """Give the same records' data, joined by newlines."""
        size = len(self.events)
        return b"\n".join(self.events[index % size] for index in range(first, first + count)) + b"\n"


def line_of_one(index: int, data: bytes) -> bytes:
    """Give a message of a single record of any size."""
    record = {
        "data": base64.b64encode(data).decode(),
        "partitionKey": "large",
        "sequenceNumber": sequence_number(index),
        "approximateArrivalTimestamp": events.START_MS + index,
        "subSequenceNumber": 0,
        "action": "record",
    }
    return _line({"action": "processRecords", "records": [record], "millisBehindLatest": 0})


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
