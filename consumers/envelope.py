"""Decode the elements of a delivery into records, and keep what cannot be decoded. Pure; never raises for bad data.

A record's envelope is what the daemon's pipe puts around its payload. Fields that Kinesis and KCL call optional are
optional here. An element that cannot be read is kept as it came, so that it does not stop those after it.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from consumers.records import Moment, Position, Record, SequenceNumber, Sub
from consumers.sequence import put_ms
from consumers.undecodable import UNDECODABLE, said


class Unreadable(msgspec.Struct, frozen=True):
    """An element that is no record: its bytes, the reason, and the fields that could be read.

    `before` and `behind` are the records next to it in its delivery. Without a `sequence` they alone tell its place.
    `arrival_ms` is the arrival time that the stream gave, in UTC milliseconds. `fault` is the reason, and holds none of
    the element's data.
    """

    raw: bytes
    fault: str
    sequence: str | None = None
    sub: int = 0
    arrival_ms: int | None = None
    before: Record | None = None
    behind: Record | None = None

    @property
    def position(self) -> Position | None:
        """The element's position, or None if it could not be read."""
        return Position(int(self.sequence), self.sub) if self.sequence else None


class Delivery(NamedTuple):
    """The records and the unreadable elements of a delivery, each in order."""

    records: list[Record]
    unreadable: list[Unreadable]


class _Loose(
    msgspec.Struct,
    rename={
        "partition_key": "partitionKey",
        "sequence_number": "sequenceNumber",
        "sub_sequence_number": "subSequenceNumber",
        "arrival_ms": "approximateArrivalTimestamp",
    },
):
    """A record of which every field but the sequence number may be absent or null."""

    sequence_number: SequenceNumber
    data: bytes | None = None
    partition_key: str | None = None
    sub_sequence_number: Sub | None = 0
    arrival_ms: Moment | None = None


class _Place(msgspec.Struct, rename={"sequence": "sequenceNumber", "sub": "subSequenceNumber"}):
    sequence: SequenceNumber
    sub: Sub | None = 0


class _Arrival(msgspec.Struct):
    moment: Moment | None = msgspec.field(name="approximateArrivalTimestamp", default=None)


_strict = msgspec.json.Decoder(Record).decode
_loose = msgspec.json.Decoder(_Loose).decode
_place = msgspec.json.Decoder(_Place).decode
_arrival = msgspec.json.Decoder(_Arrival).decode


def numbered(records: list[Record]) -> bool:
    """Return whether all sequence numbers are decimal, which the decoder does not check."""
    numbers = "".join([record.sequence_number for record in records])
    return not records or (numbers.isdigit() and numbers.isascii())


def read(elements: Iterable[bytes]) -> Delivery:
    """Decode each element, and separate the records from what cannot be one."""
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    waiting = 0  # unreadable elements at the end of the list that no record has followed yet
    for raw in elements:
        found = record_of(raw)
        if isinstance(found, Record):
            records.append(found)
            for at in range(len(unreadable) - waiting, len(unreadable)):
                unreadable[at] = msgspec.structs.replace(unreadable[at], behind=found)
            waiting = 0
        else:
            before = records[-1] if records else None
            unreadable.append(msgspec.structs.replace(found, before=before))
            waiting += 1
    return Delivery(records, unreadable)


def record_of(raw: bytes) -> Record | Unreadable:
    """Decode one element into a record, or into the reason why it is none."""
    try:
        strict = _strict(raw)
    except UNDECODABLE:
        return _leniently(raw)
    return strict if numbered([strict]) else _unreadable(raw, "sequenceNumber: it is no decimal number")


def _leniently(raw: bytes) -> Record | Unreadable:
    try:
        loose = _loose(raw)
    except UNDECODABLE as fault:
        return _unreadable(raw, said(fault))
    number = loose.sequence_number
    if not (number.isdigit() and number.isascii()):
        return _unreadable(raw, "sequenceNumber: it is no decimal number")
    arrival_ms = loose.arrival_ms if loose.arrival_ms is not None else put_ms(int(number))
    if arrival_ms is None:
        return _unreadable(raw, "approximateArrivalTimestamp: there is none, and the sequence number holds none either")
    return Record(loose.data, loose.partition_key, number, arrival_ms, loose.sub_sequence_number or 0)


def _unreadable(raw: bytes, fault: str) -> Unreadable:
    sequence, sub, arrival_ms = None, 0, None
    with suppress(*UNDECODABLE):
        place = _place(raw)
        if place.sequence.isdigit() and place.sequence.isascii():
            sequence, sub = place.sequence, place.sub or 0
    with suppress(*UNDECODABLE):
        arrival_ms = _arrival(raw).moment
    return Unreadable(bytes(raw), fault, sequence, sub, arrival_ms)
