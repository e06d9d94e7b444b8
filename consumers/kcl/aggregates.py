"""Computes which user records of an aggregate KCL delivers to a child. Pure.

KCL unpacks an aggregate of the Kinesis Producer Library, and silently drops all of it as soon as the hash of one user
record lies outside the shard. If a user record names a key that the aggregate lacks, Java raises an error instead. Data
without the digest, or that is no message of this format, is delivered as it stands. Source: `AggregatorUtil` of KCL
3.1.3, whose steps these are, and the message format of the Kinesis Producer Library.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.kcl.wire import BYTES, NUMBER, Malformed, fields

MAGIC = b"\xf3\x89\x9a\xc2"
MOST_BYTES = 2**20
"""The largest record in bytes that the producer library makes (`AggregationMaxSize`). Larger ones are not parsed."""

DISTRIBUTES_ITSELF = (
    "the stream distributes its records by itself (RecordDistributionStrategy is AUTO): KCL drops an aggregate of the "
    "Kinesis Producer Library, as a whole and without a word, as soon as one of its keys hashes outside the shard that "
    "it came to"
)
NO_AGGREGATES = "let producers send records one by one"

_DIGEST = 16
_KEYS, _HASH_KEYS, _RECORDS = 1, 2, 3  # field numbers of AggregatedRecord
_KEY_INDEX, _HASH_KEY_INDEX, _DATA, _TAGS = 1, 2, 3, 4  # field numbers of Record
_TAG_KEY = 1

UserRecord = tuple[int, int | None]
"""The index of the user record's key, and that of its explicit hash key."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate as KCL reads it.

    `outside` is the number, from 0, of the first user record whose hash lies outside the shard. `broken` is that of the
    first one that cannot be unpacked. Only the first of both faults is set.
    """

    user_records: int
    outside: int | None = None
    broken: int | None = None

    @property
    def whole(self) -> bool:
        """Whether all of its user records are delivered."""
        return self.outside is None and self.broken is None


def opened(data: bytes, first_hash: int, last_hash: int) -> Aggregate | None:
    """Parse a record's data as KCL does in a shard of this hash range.

    Return None if it is no aggregate, or too large.
    """
    body, digest = data[len(MAGIC) : -_DIGEST], data[-_DIGEST:]
    if not data.startswith(MAGIC) or not body or len(data) > MOST_BYTES:
        return None
    if hashlib.md5(body, usedforsecurity=False).digest() != digest:
        return None
    try:
        keys, hash_keys, records = parsed(body)
    except Malformed:
        return None
    for number, record in enumerate(records):
        try:
            hash_ = _hash(record, keys, hash_keys)
        except (IndexError, ValueError):
            return Aggregate(len(records), broken=number)
        if not first_hash <= hash_ <= last_hash:
            return Aggregate(len(records), outside=number)
    return Aggregate(len(records))


def parsed(body: bytes) -> tuple[list[bytes], list[bytes], list[UserRecord]]:
    """Parse the message: its keys, its explicit hash keys, and its user records.

    Raises:
        Malformed: it is no such message, or lacks a required field.

    """
    keys, hash_keys, records = list[bytes](), list[bytes](), list[UserRecord]()
    for field, wire, _, data in fields(memoryview(body)):
        if wire == BYTES and field == _KEYS:
            keys.append(bytes(data))
        elif wire == BYTES and field == _HASH_KEYS:
            hash_keys.append(bytes(data))
        elif wire == BYTES and field == _RECORDS:
            records.append(_record(data))
    return keys, hash_keys, records


def _record(message: memoryview) -> UserRecord:
    key: int | None = None
    hash_key: int | None = None
    has_data = False
    for field, wire, number, data in fields(message):
        if wire == NUMBER and field == _KEY_INDEX:
            key = number
        elif wire == NUMBER and field == _HASH_KEY_INDEX:
            hash_key = number
        elif wire == BYTES and field == _DATA:
            has_data = True
        elif wire == BYTES and field == _TAGS:
            _check_tag(data)
    if key is None or not has_data:
        raise Malformed
    return key, hash_key


def _check_tag(message: memoryview) -> None:
    if not any(field == _TAG_KEY and wire == BYTES for field, wire, _, _ in [*fields(message)]):
        raise Malformed


def _hash(record: UserRecord, keys: Sequence[bytes], hash_keys: Sequence[bytes]) -> int:
    key = keys[_index(record[0])]
    if record[1] is not None:
        return int(hash_keys[_index(record[1])])
    as_java = key.decode(errors="replace").encode()
    return int.from_bytes(hashlib.md5(as_java, usedforsecurity=False).digest())


def _index(number: int) -> int:
    """Return an index as Java's cast to int gives it; a negative one is an error there."""
    number &= 0xFFFFFFFF
    if number >> 31:
        raise IndexError(number)
    return number
