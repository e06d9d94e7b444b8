"""Compressions of an object, and the place in each where an index hides from line readers.

gzip: members without content whose header carries an extra field (RFC 1952, 2.3.1.1). They end with a footer that
gives their whole length, so a file alone can be taken apart.
The others have no place that every reader skips (zstd's skippable frame is refused by some): the index becomes an
object of its own beside the data.
"""

import bz2
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from backports import zstd
from isal import igzip, isal_zlib

ISAL_MAX_LEVEL = 3  # ISA-L knows levels 0 to 3; above, zlib is smaller and slower
GZIP_WBITS = 31

_FOOTER = struct.Struct("<Q4s")
_MAGIC = b"KFX1"
_MEMBER_HEAD = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
_MEMBER_TAIL = b"\x03\0" + bytes(8)  # an empty deflate block, the CRC and the length of nothing
_EXTRA_ID = b"KF"
_EXTRA_MAX = 32_000  # the field's length has 16 bits, but some readers take no header above 32 KiB


class Garbled(ValueError):
    """The object is not what its format promises."""


# What the decompressors raise for damaged data.
DAMAGE = (OSError, EOFError, ValueError, zlib.error, zstd.ZstdError, cast("type[Exception]", isal_zlib.IsalError))


class Compressor(Protocol):
    """Compresses piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece, and return what is ready."""
        ...

    def flush(self) -> bytes:
        """Return the rest."""
        ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _hide_in_gzip(index: bytes) -> bytes:
    payload_length = len(index) + _FOOTER.size
    members = -(-payload_length // _EXTRA_MAX)
    overhead = len(_MEMBER_HEAD) + 2 + 4 + len(_MEMBER_TAIL)
    payload = index + _FOOTER.pack(payload_length + members * overhead, _MAGIC)
    parts: list[bytes] = []
    # The footer must not be torn: the first member takes the odd length, the rest are full.
    start, size = 0, payload_length - (members - 1) * _EXTRA_MAX
    while start < payload_length:
        piece = payload[start : start + size]
        field = _EXTRA_ID + struct.pack("<H", len(piece)) + piece
        parts += (_MEMBER_HEAD, struct.pack("<H", len(field)), field, _MEMBER_TAIL)
        start, size = start + size, _EXTRA_MAX
    return b"".join(parts)


def _found_in_gzip(hidden: bytes) -> bytes:
    parts, at = [], 0
    while at < len(hidden):
        length = struct.unpack_from("<H", hidden, at + 14)[0]
        if hidden[at : at + 10] != _MEMBER_HEAD or hidden[at + 12 : at + 14] != _EXTRA_ID:
            message = "the index's gzip members are damaged"
            raise Garbled(message)
        parts.append(hidden[at + 16 : at + 16 + length])
        at += 16 + length + len(_MEMBER_TAIL)
    return b"".join(parts)[: -_FOOTER.size]


@dataclass(frozen=True, slots=True)
class Codec:
    """One compression. `tail` is how many bytes follow the footer; None where no index can hide."""

    name: str
    extension: str
    levels: range
    default_level: int
    compressor: Callable[[int], Compressor]
    open: Callable[[BinaryIO], BinaryIO]
    hide: Callable[[bytes], bytes] | None = None
    found: Callable[[bytes], bytes] | None = None
    tail: int = 0

    def split(self, body: bytes) -> tuple[memoryview, bytes]:
        """Take an object apart into its compressed lines and its index.

        Raises:
            Garbled: there is no index at the end.

        """
        end = len(body) - self.tail
        if self.found is None or end < _FOOTER.size:
            message = f"a {self.name} object of {len(body)} bytes holds no index"
            raise Garbled(message)
        length, magic = _FOOTER.unpack_from(body, end - _FOOTER.size)
        if magic != _MAGIC or not _FOOTER.size < length <= len(body):
            message = "the index at the object's end is missing or damaged: it was cut short, or another wrote it"
            raise Garbled(message)
        try:
            index = self.found(body[-length:])
        except struct.error as fault:
            message = "the index at the object's end is damaged"
            raise Garbled(message) from fault
        return memoryview(body)[: len(body) - length], index


def gunzip(raw: BinaryIO) -> BinaryIO:
    """Open a gzip stream."""
    return cast("BinaryIO", igzip.IGzipFile(fileobj=raw, mode="rb"))  # type: ignore[no-untyped-call]


def _gzip(level: int) -> Compressor:
    if level <= ISAL_MAX_LEVEL:
        return cast("Compressor", isal_zlib.compressobj(level, isal_zlib.DEFLATED, GZIP_WBITS))
    return zlib.compressobj(level, zlib.DEFLATED, GZIP_WBITS)


def _zstd(level: int) -> Compressor:
    options = {int(zstd.CompressionParameter.compression_level): level, int(zstd.CompressionParameter.checksum_flag): 1}
    return cast("Compressor", zstd.ZstdCompressor(options=options))


CODECS: Mapping[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec(
            "gzip",
            ".gz",
            range(1, 10),
            1,
            _gzip,
            gunzip,
            _hide_in_gzip,
            _found_in_gzip,
            len(_MEMBER_TAIL),
        ),
        Codec(
            "zstd",
            ".zst",
            range(1, 20),
            3,
            _zstd,
            lambda raw: cast("BinaryIO", zstd.ZstdFile(raw)),
        ),
        Codec("bzip2", ".bz2", range(1, 10), 9, bz2.BZ2Compressor, lambda raw: cast("BinaryIO", bz2.BZ2File(raw))),
        Codec("none", "", range(1), 0, lambda _level: _Plain(), lambda raw: cast("BinaryIO", io.BufferedReader(raw))),
    )
}
