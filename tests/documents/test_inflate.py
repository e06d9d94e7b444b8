"""A bomb stops at the bound, in memory and in time; whatever is damaged is said so."""

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from backports import zstd
from isal import isal_zlib

from consumers.documents.decode import MIB, Limits, decode
from consumers.documents.document import Decoded
from consumers.documents.inflate import MOST_MEMBERS, ZSTD
from tests.documents.cases import EVENT, LIMITS, outcome

BOMB_MIB = 256
LEAST_S = 10.0  # of CPU; far above what is needed, far below what no bound would take


def _zeros_gzip() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(BOMB_MIB)) + packer.flush()


def _zeros_zstd() -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(bytes(MIB)) for _ in range(BOMB_MIB)) + packer.flush()


def _wide_window() -> bytes:
    packer = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): 30})
    return packer.compress(EVENT) + packer.flush()


BOMBS = {
    "gzip, one member": _zeros_gzip,
    "gzip, members of 1 MiB": lambda: gzip.compress(bytes(MIB)) * BOMB_MIB,
    "gzip, members of nothing": lambda: gzip.compress(b"") * MOST_MEMBERS,
    "zlib, one stream": lambda: zlib.compress(bytes(64 * MIB)),
    "zlib, streams of nothing": lambda: zlib.compress(b"") * MOST_MEMBERS,
    "zstd, one frame": _zeros_zstd,
    "zstd, a frame that names its size": lambda: zstd.compress(bytes(64 * MIB)),
    "zstd, frames of 1 MiB": lambda: zstd.compress(bytes(MIB)) * BOMB_MIB,
    "zstd, frames of nothing": lambda: zstd.compress(b"") * MOST_MEMBERS,
    "zstd, a window of 1 GiB": _wide_window,
}


@pytest.fixture
def traced() -> Iterator[None]:
    """Memory that Python allocates is counted."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stops_at_the_bound(name: str, traced: None) -> None:
    """Inflating holds little more than twice the bound, and ends soon, however much a payload would become."""
    payload = BOMBS[name]()
    limits = Limits(max_inflated_bytes=4 * MIB)
    tracemalloc.reset_peak()
    before, began_s = tracemalloc.get_traced_memory()[0], time.process_time()
    found = outcome(decode(payload, limits))
    assert time.process_time() - began_s < LEAST_S
    assert tracemalloc.get_traced_memory()[1] - before < 5 * limits.max_inflated_bytes
    assert found == ("empty" if "nothing" in name else "too_large")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, zstd.compress])
def test_members_are_bounded(compress: Callable[[bytes], bytes]) -> None:
    """As many as may be are taken, and one more is not: each costs its time, also where it holds nothing."""
    assert outcome(decode(compress(EVENT) + compress(b"") * (MOST_MEMBERS - 1), LIMITS)) == 1
    assert outcome(decode(compress(EVENT) + compress(b"") * MOST_MEMBERS, LIMITS)) == "compressed_invalid"


def test_the_measure_sees_a_decoder_without_a_bound(traced: None) -> None:
    """Negative control: inflating without a bound passes the memory that is allowed above."""
    payload = gzip.compress(bytes(64 * MIB))
    tracemalloc.reset_peak()
    assert len(isal_zlib.decompress(payload, 31)) == 64 * MIB
    assert tracemalloc.get_traced_memory()[1] > 5 * 4 * MIB


def test_a_large_honest_payload_is_taken() -> None:
    """Events of many pieces come out whole, by gzip and by zstd, as one stream and as several."""
    draw = random.Random(5)
    print("seed 5")
    lines = [b'{"n":%d,"r":"%s"}' % (n, draw.randbytes(40).hex().encode()) for n in range(2_000)]
    body = b"\n".join(lines)
    limits = Limits()
    for packed in (
        gzip.compress(body),
        zlib.compress(body),
        zstd.compress(body),
        gzip.compress(body[:70_000]) + gzip.compress(body[70_000:]),
        zstd.compress(body[:70_000]) + zstd.compress(body[70_000:]),
    ):
        found = decode(packed, limits)
        assert isinstance(found, Decoded)
        assert [document.source for document in found.documents] == lines


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, zstd.compress])
def test_a_stream_cut_anywhere_is_rejected(compress: Callable[[bytes], bytes]) -> None:
    """At whatever byte a compressed payload ends too early, it is no shorter document."""
    packed = compress(EVENT)
    magic = 4 if packed.startswith(ZSTD) else 2
    cut = {outcome(decode(packed[:length], LIMITS)) for length in range(magic, len(packed))}
    assert cut == {"compressed_invalid"}


def test_damage_is_never_taken_for_data() -> None:
    """A gzip payload with any one bit turned is rejected or, in what no checksum covers, the same."""
    packed = gzip.compress(EVENT, mtime=0)
    for bit in range(16, len(packed) * 8):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        found = decode(bytes(damaged), LIMITS)
        if isinstance(found, Decoded):
            assert [document.source for document in found.documents] == [EVENT]
        else:
            assert found.reason == "compressed_invalid"
