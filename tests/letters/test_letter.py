"""A letter holds its record whole, and damage is seen."""

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.letters.letter import DETAIL_MAX, DamagedLetters, letter_of, letters_in, line_of, packed, unpacked
from consumers.records import Record
from tests.letters.sample import HEAD, letter, record

records = st.builds(
    Record,
    st.binary(max_size=200),
    st.none() | st.text(max_size=50),
    st.integers(0, 10**56 - 1).map(str),
    st.integers(0, 4_000_000_000_000),
    st.integers(0, 2**31),
)


@given(st.lists(records, max_size=5), st.text(max_size=50))
def test_what_goes_in_comes_out(given_records: list[Record], detail: str) -> None:
    """Any bytes, key and number come back from the stored object as they were delivered."""
    letters = [letter_of(HEAD, one, "json_invalid", detail) for one in given_records]
    assert [one.record() for one in letters_in(unpacked(packed(map(line_of, letters))))] == given_records


def test_each_is_a_line_that_other_tools_read() -> None:
    """Gzip and JSON as everybody knows them, with the names of the pipe's fields."""
    lines = gzip.decompress(packed([line_of(letter(1)), line_of(letter(2))])).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(b'{"stream":"player-events","shard":"shardId-000000000000","sequence":"4960000000')
    assert b'"partitionKey":"key 1","arrivalMs":1769860800000,"payload":"eyJuIjogMQ=="' in lines[0]


def test_an_absent_key_is_null() -> None:
    """It is not an empty one, and a letter that leaves the name out, or was stored with a key, is read as well."""
    line = line_of(letter_of(HEAD, Record(b"{}", None, "5", 0), "empty", ""))
    assert b'"partitionKey":null,' in line
    bare = line.replace(b'"partitionKey":null,', b"")
    keyed = line.replace(b'"partitionKey":null,', b'"partitionKey":"",')
    assert [one.partition_key for one in letters_in(line + bare + keyed)] == [None, None, ""]


def test_the_same_letters_are_the_same_bytes() -> None:
    """No time hides in the compressed object."""
    assert packed([line_of(letter(1))]) == packed([line_of(letter(1))])
    assert packed([b""])[4:8] == bytes(4)  # RFC 1952: MTIME


def test_a_record_without_payload_has_an_empty_one() -> None:
    """Kinesis' pipe may give none."""
    empty = Record(None, "k", "5", 0)
    assert letters_in(line_of(letter_of(HEAD, empty, "empty", "")))[0].payload == b""


@pytest.mark.parametrize("detail", ["x" * 5_000, "\ud800" * 5_000, "\N{PILE OF POO}" * 5_000])
def test_detail_is_bounded_and_storable(detail: str) -> None:
    """Whatever a destination answers."""
    told = letter_of(HEAD, record(1), "r", detail)
    assert len(told.detail) == DETAIL_MAX
    assert letters_in(line_of(told)) == [told]


def test_damage_is_named() -> None:
    """A cut at any byte is told from letters; a flipped bit anywhere is too, unless it changes nothing of them."""
    letters = [letter(n) for n in range(3)]
    whole = packed(map(line_of, letters))
    for at in range(len(whole)):
        with pytest.raises(DamagedLetters):
            unpacked(whole[:at])
    for at in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        with suppress(DamagedLetters):
            assert letters_in(unpacked(bytes(flipped))) == letters


@pytest.mark.parametrize(
    "lines", [b"{}\n", b"[1]\n", b"\xff\n", line_of(letter(1))[:-9], line_of(letter(1, sequence="x"))]
)
def test_what_is_no_letter_is_named(lines: bytes) -> None:
    """And not taken for one."""
    with pytest.raises(DamagedLetters):
        letters_in(lines)
