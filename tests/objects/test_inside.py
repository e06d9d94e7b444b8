"""What an object looks like to a program that knows nothing of the index."""

import random
import struct
import zlib

import pytest
from backports import zstd

from consumers.objects.codecs import CODECS, Garbled
from consumers.objects.inside import MOST_BYTES, put_inside, split
from consumers.objects.reader import fetch, index_key, read_records
from consumers.objects.writer import ObjectBytes, ObjectWriter, Place
from consumers.records import Record
from tests.memory_store import MemoryStore

GZIP = 31
MOST_OF_BUSYBOX = 16_380
KEY = "raw/dt=2026-11-27/hour=12/events.shardId-000000000000.1.0.lines"


def run_of(count: int) -> list[Record]:
    """Make records whose keys do not compress."""
    rng = random.Random(2)
    return [
        Record(b'{"n":%d}' % n, rng.randbytes(9).hex(), str(10**55 + n), 1_700_000_000_000 + n) for n in range(count)
    ]


def content_of(name: str, run: list[Record], place: Place = "inside") -> ObjectBytes:
    """Write an object."""
    writer = ObjectWriter(CODECS[name], CODECS[name].default_level, place)
    if run:
        writer.add(run, [one.arrival_ms for one in run])
    return writer.finish()


@pytest.mark.parametrize("count", [0, 1, 700, 20_000])
def test_gzip_is_one_member_with_its_size_at_the_end(count: int) -> None:
    """Readers that take one member, or the size from the last four bytes, are as right as all others."""
    run = run_of(count)
    body = content_of("gzip", run).body
    reader = zlib.decompressobj(GZIP)
    lines = reader.decompress(body)
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert lines == b"".join(one.payload + b"\n" for one in run)
    assert struct.unpack("<I", body[-4:]) == (len(lines),)


def test_no_header_is_longer_than_readers_take() -> None:
    """An index goes inside up to a length that BusyBox opens, and beside above it."""
    body = zlib.compress(b"", wbits=GZIP)
    fits = put_inside(body, bytes(MOST_BYTES))
    assert fits
    assert struct.unpack_from("<H", fits, 10)[0] < MOST_OF_BUSYBOX
    assert put_inside(body, bytes(MOST_BYTES + 1)) is None
    assert split(fits) == (fits, bytes(MOST_BYTES))
    assert [content_of("gzip", run_of(count)).place for count in (0, 700, 20_000)] == ["inside", "inside", "beside"]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("place", ["inside", "beside"])
@pytest.mark.parametrize("count", [0, 10, 20_000])
def test_an_object_and_what_stands_beside_it_are_all_that_it_takes(name: str, place: Place, count: int) -> None:
    """Wherever the index is, the key finds it; the metadata says where."""
    run, store = run_of(count), MemoryStore()
    content, key = content_of(name, run, place), KEY + CODECS[name].extension
    inside = name == "gzip" and place == "inside" and count < 20_000
    for at, body in ((key, content.body), *content.beside(key)):
        store.put_new(at, body, {}, b"")
    assert content.notes == {"index": "inside" if inside else "beside"}
    assert len(store.objects) == (1 if inside else 2)
    assert list(fetch(store, key)) == run


@pytest.mark.parametrize("name", CODECS)
def test_an_index_can_be_left_out(name: str) -> None:
    """Then nothing stands beside, no reader finds records, and the writer still has them for what it adopts."""
    run, store = run_of(50), MemoryStore()
    content, key = content_of(name, run, "none"), KEY + CODECS[name].extension
    assert (list(content.beside(key)), content.notes) == ([], {"index": "none"})
    assert list(content.records()) == run
    store.put_new(key, content.body, {}, b"")
    with pytest.raises(KeyError):
        list(fetch(store, key))
    with pytest.raises(Garbled, match="no index"):
        list(read_records(CODECS[name], content.body))


def test_who_reads_all_that_ends_like_the_data_does_not_meet_an_index() -> None:
    """`*.gz`, `*.zst`, `*.bz2` and `*.lines` choose objects alone."""
    for codec in CODECS.values():
        assert not index_key(KEY + codec.extension, bytes(32)).endswith(codec.extension or ".lines")


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_zstd_says_the_size_of_its_content(count: int) -> None:
    """So that it can be decompressed at one go."""
    run = run_of(count)
    body = content_of("zstd", run).body
    lines = b"".join(one.payload + b"\n" for one in run)
    assert zstd.get_frame_info(body).decompressed_size == len(lines)
    assert zstd.decompress(body) == lines
