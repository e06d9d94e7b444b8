"""An aggregate is taken as KCL takes it: whole, not at all, or as a record like any other."""

import hashlib
from typing import Any

import pytest
from aws_kinesis_agg import aggregator
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from consumers.kcl.aggregates import MAGIC, MOST_BYTES, Aggregate, opened, parsed
from consumers.kcl.wire import Malformed

Message: Any = aggregator.messages_pb2.AggregatedRecord
LAST = 2**128 - 1
MIDDLE = 2**127


def of_producer(*records: tuple[str, str | None]) -> bytes:
    """Make an aggregate by AWS's own library, of keys and explicit hash keys."""
    made = aggregator.RecordAggregator()
    for key, hash_key in records:
        made.add_user_record(key, b"data", hash_key)
    data: bytes = made.clear_and_get().get_contents()[2]
    return data


def of_message(message: Any) -> bytes:
    """Make one of a message, whatever it holds."""
    body: bytes = message.SerializePartialToString()
    return MAGIC + body + md5(body)


def md5(data: bytes) -> bytes:
    """Give the digest of the format."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def hash_of(key: str) -> int:
    """Give the hash that Kinesis sorts a key by."""
    return int.from_bytes(md5(key.encode()))


KEYS = sorted((f"ключ-{number}" for number in range(6)), key=hash_of)


@pytest.mark.parametrize(
    ("data", "first", "last", "expected"),
    [
        (of_producer(*((key, None) for key in KEYS)), 0, LAST, Aggregate(6)),
        (of_producer(*((key, None) for key in KEYS)), 0, hash_of(KEYS[4]), Aggregate(6, outside=5)),
        (of_producer(*((key, None) for key in KEYS)), hash_of(KEYS[1]), LAST, Aggregate(6, outside=0)),
        (of_producer(*((key, None) for key in KEYS[:3])), hash_of(KEYS[0]), hash_of(KEYS[2]), Aggregate(3)),
        (of_producer(("a", "7"), ("b", "7")), 7, 7, Aggregate(2)),
        (of_producer(("a", "7"), ("b", "8")), 0, 7, Aggregate(2, outside=1)),
        (of_producer((KEYS[0], str(LAST)), (KEYS[0], None)), 0, LAST - 1, Aggregate(2, outside=0)),
        (b"plain", 0, 0, None),
        (b"", 0, 0, None),
        (MAGIC, 0, 0, None),
        (MAGIC + md5(b""), 0, 0, None),
        (of_producer(("a", None))[:-1] + b"x", 0, 0, None),
        (MAGIC + b"\xff" + md5(b"\xff"), 0, 0, None),
        (of_producer(("a", None)) + b" " * MOST_BYTES, 0, 0, None),
    ],
    ids=[
        "a whole stream",
        "the last hash is outside",
        "the first hash is outside",
        "the ends are inside",
        "explicit hash keys win",
        "an explicit hash key is outside",
        "one explicit, one not",
        "plain",
        "empty",
        "the magic alone",
        "no message",
        "another digest",
        "malformed",
        "too large",
    ],
)
def test_an_aggregate(data: bytes, first: int, last: int, expected: Aggregate | None) -> None:
    """It is dropped for one user record outside; a damaged one is a plain record."""
    assert opened(data, first, last) == expected


def message(key_index: int = 0, hash_key_index: int | None = None, hash_key: str = "5") -> Any:
    """Make a message of two user records; the second is as it is told."""
    made = Message(partition_key_table=["a"], explicit_hash_key_table=[hash_key])
    made.records.add(partition_key_index=0, data=b"x")
    second = made.records.add(partition_key_index=key_index, data=b"x")
    if hash_key_index is not None:
        second.explicit_hash_key_index = hash_key_index
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (message(), Aggregate(2)),
        (message(key_index=1), Aggregate(2, broken=1)),
        (message(key_index=2**31), Aggregate(2, broken=1)),
        (message(key_index=2**32), Aggregate(2)),
        (message(hash_key_index=0), Aggregate(2)),
        (message(hash_key_index=1), Aggregate(2, broken=1)),
        (message(hash_key_index=0, hash_key="five"), Aggregate(2, broken=1)),
        (Message(partition_key_table=["a"]), Aggregate(0)),
    ],
    ids=["well", "no such key", "negative", "cut to an int", "explicit", "no such hash key", "no number", "no record"],
)
def test_a_key_that_is_not_there(made: Any, expected: Aggregate) -> None:
    """It is said to be broken at the user record that names it."""
    assert opened(of_message(made), 0, LAST) == expected


@pytest.mark.parametrize("lacks", ["partition_key_index", "data"])
def test_a_message_that_lacks_something(lacks: str) -> None:
    """Java takes it for none, and KCL delivers the record as it stands."""
    made = message()
    made.records[1].ClearField(lacks)
    assert opened(of_message(made), 0, LAST) is None
    made = message()
    made.records[1].tags.add(value="v")
    assert opened(of_message(made), 0, LAST) is None


NUMBERS = st.integers(0, 2**64 - 1) | st.integers(0, 3)
RECORDS = st.builds(
    aggregator.messages_pb2.Record,
    partition_key_index=st.none() | NUMBERS,
    explicit_hash_key_index=st.none() | NUMBERS,
    data=st.none() | st.binary(max_size=4),
    tags=st.lists(
        st.builds(aggregator.messages_pb2.Tag, key=st.none() | st.just("k"), value=st.none() | st.just("v")), max_size=1
    ),
)
MESSAGES = st.builds(
    Message,
    partition_key_table=st.lists(st.text(max_size=3), max_size=2),
    explicit_hash_key_table=st.lists(st.text(max_size=3), max_size=2),
    records=st.lists(RECORDS, max_size=3),
).map(lambda made: made.SerializePartialToString())
TOUCHED = st.builds(
    lambda body, at, put, cut: body[: at % (len(body) + 1)] + put + body[at % (len(body) + 1) + cut :],
    MESSAGES,
    st.integers(0, 200),
    st.binary(max_size=3),
    st.integers(0, 3),
)


@given(MESSAGES | TOUCHED | st.binary(max_size=40))
def test_messages_are_read_as_the_library_reads_them(body: bytes) -> None:
    """Google's own reader takes and refuses the same bytes, and finds the same in them."""
    try:
        ours = parsed(body)
    except Malformed:
        ours = None
    theirs = Message()
    try:
        theirs.ParseFromString(body)
    except DecodeError:
        assert ours is None or not_text(ours)
        return
    if not theirs.IsInitialized():
        assert ours is None
        return
    assert ours is not None
    assert ours[2] == [
        (one.partition_key_index, one.explicit_hash_key_index if one.HasField("explicit_hash_key_index") else None)
        for one in theirs.records
    ]
    assert [len(ours[0]), len(ours[1])] == [len(theirs.partition_key_table), len(theirs.explicit_hash_key_table)]


def not_text(found: tuple[list[bytes], list[bytes], object]) -> bool:
    """Whether a key is not UTF-8, which Java takes."""
    keys = found[0] + found[1]
    return any(key.decode(errors="replace").encode() != key for key in keys)
