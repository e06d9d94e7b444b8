"""The index gives back each record exactly, is small, and is believed only as far as it can be true."""

import random
import struct
import tracemalloc
import uuid
import zlib
from collections.abc import Sequence
from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.local.simulator import START_MS, play
from consumers.objects.codecs import CODECS, Garbled
from consumers.objects.former import IndexRun
from consumers.objects.index import IndexWriter, read_index
from consumers.objects.reader import read_records
from consumers.objects.writer import ObjectWriter
from consumers.records import Record

GZIP = 31
FIRST = 0x205BF4E5C260000000067648A170005C181EEA000000062  # a sequence number of Kinesis; its parts are far apart
COUNTED, SECOND = 1 << 80, 1 << 36

keys = st.none() | st.text(st.characters(codec="utf-8"), max_size=12) | st.just("session-0000")
odd_numbers = st.sampled_from(
    ["", "007", "1_0", " 1", "+1", "-1", "\u0663", "1\n2", "9" * 57, "9" * 58, "1" * 5000, "4A", "4a"]
)
any_number = st.integers(0, 10**60).map(str) | odd_numbers
records = st.builds(
    Record,
    st.binary(max_size=60) | st.just(b'{"id":"session-0000"}') | st.just(b"x" * 400),
    keys,
    any_number,
    st.integers(-(2**40), 2**45),
    st.integers(0, 2**31),
)


def written(runs: Sequence[Sequence[Record]]) -> bytes:
    """Write an index of runs."""
    writer = IndexWriter()
    for run in runs:
        writer.add(run, [record.payload for record in run], [record.arrival_ms for record in run])
    return writer.finish()


def read_back(index: bytes, payloads: Sequence[bytes]) -> list[Record]:
    """Read an index over these payloads."""
    body = zlib.compress(b"".join(payload + b"\n" for payload in payloads), wbits=GZIP)
    return list(read_records(CODECS["gzip"], body, index))


@settings(max_examples=300)
@given(st.lists(st.lists(records, min_size=1, max_size=12), max_size=5))
def test_every_record_comes_back_as_it_was(runs: list[list[Record]]) -> None:
    """Whatever its key, its time and the text of its sequence number."""
    put = [record for run in runs for record in run]
    assert read_back(written(runs), [record.payload for record in put]) == put


def test_an_absent_key_is_no_empty_one() -> None:
    """Also beside keys that stand in their payloads, and beside those that do not."""
    payload = b'{"id":"session-0000"}'
    put = [
        Record(payload, key, str(FIRST + n), 1, 0)
        for n, key in enumerate([None, "", "session-0000", "elsewhere", None, "", "session-0000"])
    ]
    assert [one.partition_key for one in read_back(written([put]), [payload] * len(put))] == [
        one.partition_key for one in put
    ]
    assert read_back(written([[put[0]], [put[1]]]), [payload] * 2) == put[:2]


def demo_records(count: int, key: str = "") -> list[Record]:
    """Make the records of the demo, with sequence numbers as Kinesis counts them up."""
    rng, counted, ms, found = random.Random(1), 0, 0.0, []
    for produced in islice(play(1), count):
        counted, ms = counted + rng.randrange(1, 40), ms + rng.expovariate(0.3)
        number = FIRST + counted * COUNTED + int(ms / 1000) * SECOND
        own = str(uuid.UUID(int=rng.getrandbits(128))) if key == "random" else produced.partition_key
        if len(produced.data) < 5_000:
            found.append(Record(produced.data, own, str(number), START_MS + int(ms), 0))
    return found


def of_version_1(put: Sequence[Record]) -> bytes:
    """Write the index that these records had before."""
    compressor, lines = zlib.compressobj(1, wbits=GZIP), []
    for at in range(0, len(put), 1_000):
        run = put[at : at + 1_000]
        names, keys = [one.sequence_number for one in run], [one.partition_key or "" for one in run]
        columns = IndexRun(
            [len(one.payload) for one in run], names, [0] * len(run), [one.arrival_ms for one in run], keys
        )
        lines.append(compressor.compress(msgspec.json.encode(columns) + b"\n"))
    return b"".join((*lines, compressor.flush()))


@pytest.mark.parametrize(("key", "most"), [("", 1 / 6), ("random", 2 / 3)])
def test_it_takes_a_fraction_of_what_it_took(key: str, most: float, measured: object) -> None:
    """A sixth where the key stands in the payload; a random one elsewhere takes what it holds."""
    put = demo_records(10_000, key)
    now, before = len(written([put])), len(of_version_1(put))
    measured(f"index: {now / len(put):.2f} bytes a record, {before / len(put):.2f} in version 1")  # type: ignore[operator]
    assert now < most * before


def test_it_is_a_small_part_of_an_object() -> None:
    """Of records of 145 bytes on average it takes less than a seventh of what is stored."""
    put = demo_records(10_000)
    writer = ObjectWriter(CODECS["gzip"], 1)
    writer.add(put, [one.arrival_ms for one in put])
    content = writer.finish()
    assert len(content.index) * 7 < len(content.body) + len(content.index)


def test_small_deliveries_cost_no_more() -> None:
    """Blocks are filled over many runs."""
    put = demo_records(4_000)
    assert len(written([put[at : at + 5] for at in range(0, len(put), 5)])) < 1.1 * len(written([put]))


def lying(put: Sequence[Record], **changed: bytes) -> bytes:
    """Write an index of one block whose parts are replaced."""
    lengths = struct.pack(f"<{len(put)}i", *(len(one.payload) for one in put))
    flat = {name: b"\0\0" * size for name, size in (("subs", 8), ("arrivals", 8), ("places", 4), ("sizes", 4))}
    parts = {
        "count": struct.pack("<I", len(put)),
        "lengths": b"".join(b"\1" + lengths[at::4] for at in range(4)),
        "numbers": b"\1\1\0\7",
        **flat,
        "keys": b"",
        **changed,
    }
    return zlib.compress(b"KFI2" + b"".join(parts.values()), wbits=GZIP)


PUT = [Record(b"0123456789", "", "7", 0, 0), Record(b"abc", "", "7", 0, 0)]


def test_a_block_made_by_hand_is_read() -> None:
    """So that what follows fails by its lies."""
    assert read_back(lying(PUT), [one.payload for one in PUT]) == PUT


@pytest.mark.parametrize(
    "lie",
    [
        {"count": struct.pack("<I", 0)},
        {"count": struct.pack("<I", 2**32 - 1)},
        {"count": b"\2"},
        {"lengths": b"\0\xff" * 3 + b"\0\x7f"},
        {"lengths": b"\0\xff" * 4},
        {"lengths": b"\2\0"},
        {"lengths": b""},
        {"numbers": b"\1\0"},
        {"numbers": b"\1\xff" + b"\0\0" * 255},
        {"numbers": b"\3\1\0\0"},
        {"numbers": b"\0\0" + struct.pack("<I", 2**32 - 1)},
        {"numbers": b"\0\0" + struct.pack("<I", 4) + b'["7"'},
        {"numbers": b"\0\0" + struct.pack("<I", 5) + b'["7"]'},
        {"places": b"\0\4" + b"\0\0" * 3, "sizes": b"\0\7" + b"\0\0" * 3},
        {"places": b"\0\0" * 3 + b"\0\x7f"},
        {"places": b"\0\xfd" + b"\0\xff" * 3},
        {"places": b"\0\xff" * 4, "sizes": b"\0\xff" * 3 + b"\0\x7f"},
        {"places": b"\0\xff" * 4, "sizes": b"\0\xff" * 4},
        {"places": b"\0\xff" * 4, "sizes": b"\0\2" + b"\0\0" * 3, "keys": b"abc"},
        {"places": b"\0\xff" * 4, "sizes": b"\0\1" + b"\0\0" * 3, "keys": b"\xff\xff"},
    ],
    ids=str,
)
def test_no_length_is_believed(lie: dict[str, bytes]) -> None:
    """Whatever it says of itself, it is refused, and takes no memory for what is not there."""
    index = lying(PUT, **lie)
    tracemalloc.start()
    try:
        with pytest.raises(Garbled):
            read_back(index, [one.payload for one in PUT])
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_no_byte_of_it_breaks_the_reader() -> None:
    """An index that was altered, and compressed again, is refused or read; nothing else comes of it."""
    put = demo_records(200)
    content, rng = bytearray(zlib.decompress(written([put[:100], put[100:]]), GZIP)), random.Random(3)
    payloads, refused = [one.payload for one in put], 0
    for _ in range(400):
        at = rng.randrange(4, len(content)) if rng.random() < 0.5 else rng.randrange(4, 300)
        altered = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        try:
            assert len(read_back(zlib.compress(altered, wbits=GZIP), payloads)) == len(put)
        except Garbled:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("content", [b"KFI3\0\0\0\0", b"{}\n", b"KFI"])
def test_an_index_of_another_version_is_refused(content: bytes) -> None:
    """It is not guessed at."""
    with pytest.raises(Garbled):
        list(read_index(zlib.compress(content, wbits=GZIP)))
