"""An object gives back the records that went in, and other tools read its lines as if there were no index."""

import random
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.objects.codecs import CODECS, Codec, Garbled
from consumers.objects.reader import read_records
from consumers.objects.writer import ObjectBytes, ObjectWriter
from consumers.records import Record

TOOLS = {"gzip": "gzip", "zstd": "zstd", "bzip2": "bzip2"}

records = st.lists(
    st.builds(
        Record,
        st.binary(max_size=200) | st.none() | st.just(b"\n") | st.just(b"a\nb\r\n"),
        st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
        st.integers(0, 10**56 - 1).map(str),
        st.integers(0, 2**45),
        st.integers(0, 2**31),
    ),
    max_size=40,
)


def build(codec: Codec, runs: Sequence[Sequence[Record]], level: int | None = None) -> ObjectBytes:
    """Write an object of several runs."""
    writer = ObjectWriter(codec, codec.default_level if level is None else level)
    for run in runs:
        writer.add(run, [record.arrival_ms for record in run])
    return writer.finish()


def whole(record: Record) -> tuple[object, ...]:
    """Compare records by what is kept of them: a missing payload is an empty one."""
    return (record.payload, record.partition_key, record.position, record.arrival_ms)


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=60)
@given(runs=st.lists(records.filter(bool), max_size=4))
def test_round_trip(name: str, runs: list[list[Record]]) -> None:
    """Every record comes back, whatever its bytes, with its position, time and key."""
    content = build(CODECS[name], runs)
    found = list(read_records(CODECS[name], content.body, content.index))
    assert [whole(record) for record in found] == [whole(record) for run in runs for record in run]


def sample(count: int, seed: int = 1) -> list[Record]:
    """Make records, some with newlines."""
    rng = random.Random(seed)
    return [Record(rng.randbytes(30), "k", str(10**55 + i), 1_700_000_000_000 + i, 0) for i in range(count)]


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_other_tools_see_only_lines(name: str, count: int) -> None:
    """The standard tool decompresses the object without a word, to one record a line."""
    if shutil.which(TOOLS[name]) is None:
        pytest.fail(f"install {TOOLS[name]}: it is one of the readers that an archive must satisfy")
    run = sample(count)
    content = build(CODECS[name], [run] if run else [])
    tool = subprocess.run([TOOLS[name], "-dc"], input=content.body, capture_output=True, check=True)
    assert tool.stderr == b""
    assert tool.stdout == b"".join(record.payload + b"\n" for record in run)


@pytest.mark.parametrize("level", range(1, 10))
def test_each_gzip_level(level: int) -> None:
    """Each level writes what any gzip reader reads."""
    run = sample(100)
    content = build(CODECS["gzip"], [run], level)
    assert list(read_records(CODECS["gzip"], content.body)) == run


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2"])
def test_damage_is_named_not_read_past(name: str) -> None:
    """An object that was cut short or altered anywhere raises Garbled, or gives back the very records."""
    run = sample(50)
    content = build(CODECS[name], [run])
    body, index = content.body, content.index
    rng = random.Random(7)
    cut = [body[:end] for end in (0, 1, len(body) // 2, len(body) - 1)]
    flipped = []
    for _ in range(200):
        at = rng.randrange(len(body))
        flipped.append(body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1 :])
    for damaged in [*cut, *flipped]:
        try:
            assert list(read_records(CODECS[name], damaged, index)) == run
        except Garbled:
            continue
    for damaged in cut:
        with pytest.raises(Garbled):
            list(read_records(CODECS[name], damaged, index))
