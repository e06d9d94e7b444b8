"""The words of a stream: a record and its position in a shard."""

from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta

HOUR_MS = 3_600_000
SEQUENCE_DIGITS = 56
SUB_DIGITS = 10
LAST_MS = 253_402_300_799_999  # 9999-12-31, the last day that a key can name

# What a key, a checkpoint or an index can say. The pipe's decoder looks; who makes a record in Python is trusted.
SequenceNumber = Annotated[str, Meta(min_length=1, max_length=SEQUENCE_DIGITS)]
Sub = Annotated[int, Meta(ge=0, lt=10**SUB_DIGITS)]
Moment = Annotated[int, Meta(ge=0, le=LAST_MS)]


class Position(NamedTuple):
    """Where a record stands in its shard; compares in the order of the shard.

    The sequence number is an integer, as decimal strings of different lengths do not sort.
    Records that a producer aggregated share it and differ by the sub-sequence number.
    A sub-sequence of -1 names no record: it is the place just before the first.
    """

    sequence: int
    sub: int

    def __str__(self) -> str:
        """Write the position as `sequence:sub`, the form used in metadata and logs."""
        return f"{self.sequence}:{self.sub}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sequence:sub`.

        Raises:
            ValueError: the text is not a position.

        """
        sequence, _, sub = text.partition(":")
        if not (sequence.isascii() and sequence.isdigit()):
            message = f"not a position: {text[:80]!r}"
            raise ValueError(message)
        return cls(int(sequence), int(sub))

    @property
    def names_a_record(self) -> bool:
        """Whether a record can stand here, so that a checkpoint may name it."""
        return self.sub >= 0

    def just_before(self) -> "Position":
        """Give the end of a range that stops short of this record."""
        return Position(self.sequence, self.sub - 1)


class Record(
    msgspec.Struct,
    frozen=True,
    gc=False,  # holds no containers: the collector need not walk a million of them
    rename={
        "partition_key": "partitionKey",
        "sequence_number": "sequenceNumber",
        "sub_sequence_number": "subSequenceNumber",
        "arrival_ms": "approximateArrivalTimestamp",
    },
):
    """One record, exactly as the daemon's pipe yields it: decoded once, never converted.

    `arrival_ms` is the approximate arrival time in UTC milliseconds, set by the stream and the same
    at each delivery; where the stream sets none, `consumers.envelope` derives it. `data` is None only
    for a record without a payload. `partition_key` is None where the producer gave none, as it may on
    a stream that distributes its records itself; an empty key is another thing.
    """

    data: bytes | None
    partition_key: str | None
    sequence_number: SequenceNumber
    arrival_ms: Moment
    sub_sequence_number: Sub = 0

    @property
    def position(self) -> Position:
        """Where this record stands. It parses the number: ask for the ends of a run, not for each record."""
        return Position(int(self.sequence_number), self.sub_sequence_number)

    @property
    def payload(self) -> bytes:
        """The bytes that the producer put."""
        return self.data or b""


def position_of(record: Record) -> Position:
    """Give the record's position, as a key to search a run by."""
    return record.position
