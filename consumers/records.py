"""A record of a stream, and its position in a shard."""

from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta

HOUR_MS = 3_600_000
SEQUENCE_DIGITS = 56
SUB_DIGITS = 10
LAST_MS = 253_402_300_799_999  # 9999-12-31, the last day that a key can name

# The values that a key, a checkpoint and an index can hold. The pipe's decoder checks them; code that makes a record
# in Python is trusted.
SequenceNumber = Annotated[str, Meta(min_length=1, max_length=SEQUENCE_DIGITS)]
Sub = Annotated[int, Meta(ge=0, lt=10**SUB_DIGITS)]
Moment = Annotated[int, Meta(ge=0, le=LAST_MS)]


class Position(NamedTuple):
    """The place of a record in its shard. Positions compare in the order of the shard.

    The sequence number is an integer, since decimal strings of different lengths do not sort. Records that a producer
    aggregated share it and differ by the sub-sequence number. A sub-sequence number of -1 names no record: it is the
    place just before the first.
    """

    sequence: int
    sub: int

    def __str__(self) -> str:
        """Return the position as `sequence:sub`, the form used in metadata and logs."""
        return f"{self.sequence}:{self.sub}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `sequence:sub`.

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
        """Return the end of a range that stops just before this record."""
        return Position(self.sequence, self.sub - 1)


class Record(
    msgspec.Struct,
    frozen=True,
    gc=False,  # it holds no containers, so the collector need not visit a million of them
    rename={
        "partition_key": "partitionKey",
        "sequence_number": "sequenceNumber",
        "sub_sequence_number": "subSequenceNumber",
        "arrival_ms": "approximateArrivalTimestamp",
    },
):
    """One record, exactly as the daemon's pipe yields it: decoded once, never converted.

    `arrival_ms` is the approximate arrival time in UTC milliseconds. The stream sets it, and it is the same at each
    delivery; where the stream sets none, `consumers.envelope` derives it. `data` is None only for a record without a
    payload. `partition_key` is None where the producer gave none, as it may on a stream that distributes its records
    itself; an empty key is not the same.
    """

    data: bytes | None
    partition_key: str | None
    sequence_number: SequenceNumber
    arrival_ms: Moment
    sub_sequence_number: Sub = 0

    @property
    def position(self) -> Position:
        """The record's position. It parses the number: ask for the ends of a run, not for each record."""
        return Position(int(self.sequence_number), self.sub_sequence_number)

    @property
    def payload(self) -> bytes:
        """The bytes that the producer put."""
        return self.data or b""


def position_of(record: Record) -> Position:
    """Return the record's position, as a key to search a run by."""
    return record.position
