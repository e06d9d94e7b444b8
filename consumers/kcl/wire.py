"""Decodes the fields of a message in the wire format of Protocol Buffers, as Java does with a known schema. Pure.

Source: "Encoding", Protocol Buffers Documentation. Decision 0033 gives the reason why this is not a library.
"""

from collections.abc import Iterator

NUMBER, BYTES = 0, 2
"""The wire types of the values that are yielded. All others are skipped, as unknown fields are."""

_FIXED = {1: 8, 5: 4}
_GROUP, _GROUP_END = 3, 4
_LONGEST_NUMBER = 10
_FIELDS = 2**29
_MOST_GROUPS = 100  # the limit of CodedInputStream


class Malformed(Exception):
    """The bytes are not a message."""


Field = tuple[int, int, int, memoryview]
"""A field's number, its wire type, and its value: a number, or bytes."""

_NO_BYTES = memoryview(b"")


def fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message, in order.

    Raises:
        Malformed: it is not a message.

    """
    at, groups = 0, list[int]()
    while at < len(message):
        tag, at = _number(message, at)
        field, wire = tag >> 3, tag & 7
        if not 0 < field < _FIELDS:
            raise Malformed
        if wire in {_GROUP, _GROUP_END}:
            _turn(groups, field, wire)
            continue
        value, data, at = _value(message, at, wire)
        if not groups and wire in {NUMBER, BYTES}:
            yield field, wire, value, data
    if groups:
        raise Malformed


def _value(message: memoryview, at: int, wire: int) -> tuple[int, memoryview, int]:
    """Return a value as a number or as bytes, and where it ends."""
    if wire == NUMBER:
        value, at = _number(message, at)
        return value, _NO_BYTES, at
    length = _FIXED.get(wire)
    if wire == BYTES:
        length, at = _number(message, at)
    if length is None or at + length > len(message):
        raise Malformed
    return 0, message[at : at + length], at + length


def _turn(groups: list[int], field: int, wire: int) -> None:
    """Begin or end a group, a type that no field of a known message has."""
    if wire == _GROUP and len(groups) < _MOST_GROUPS:
        groups.append(field)
    elif wire == _GROUP or not groups or groups.pop() != field:
        raise Malformed


def _number(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(message[at : at + _LONGEST_NUMBER]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return value & (2**64 - 1), at + count + 1
    raise Malformed
