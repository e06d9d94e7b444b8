"""The compressions of an object."""

import bz2
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from backports import zstd
from isal import igzip, isal_zlib

ISAL_MAX_LEVEL = 3  # ISA-L has levels 0 to 3; above these, zlib compresses better, and more slowly
GZIP_WBITS = 31

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SIZE_64 = 0b1100_0000  # a size of 8 bytes follows the window's descriptor
_ZSTD_HAS_SIZE = 0b1110_0011  # a size already, no window's descriptor, or a dictionary


class Garbled(ValueError):
    """The object does not have the form that its format prescribes."""


# The exceptions that the decompressors raise for damaged data.
DAMAGE = (OSError, EOFError, ValueError, zlib.error, zstd.ZstdError, cast("type[Exception]", isal_zlib.IsalError))


class Compressor(Protocol):
    """A compressor of a stream in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Compress a piece, and return the output that is ready."""
        ...

    def flush(self) -> bytes:
        """Return the rest of the output."""
        ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _as_it_is(body: bytes, _size: int) -> bytes:
    return body


@dataclass(frozen=True, slots=True)
class Codec:
    """One compression.

    `sized` writes the content's size into the compressed bytes, where the format has a field for it. `has_inside` means
    that an index may be stored inside.
    """

    name: str
    extension: str
    levels: range
    default_level: int
    compressor: Callable[[int], Compressor]
    open: Callable[[BinaryIO], BinaryIO]
    sized: Callable[[bytes, int], bytes] = _as_it_is
    has_inside: bool = False


def gunzip(raw: BinaryIO) -> BinaryIO:
    """Open a gzip stream for reading."""
    return cast("BinaryIO", igzip.IGzipFile(fileobj=raw, mode="rb"))  # type: ignore[no-untyped-call]


def _gzip(level: int) -> Compressor:
    if level <= ISAL_MAX_LEVEL:
        return cast("Compressor", isal_zlib.compressobj(level, isal_zlib.DEFLATED, GZIP_WBITS))
    return zlib.compressobj(level, zlib.DEFLATED, GZIP_WBITS)


def _zstd(level: int) -> Compressor:
    options = {int(zstd.CompressionParameter.compression_level): level, int(zstd.CompressionParameter.checksum_flag): 1}
    return cast("Compressor", zstd.ZstdCompressor(options=options))


def _with_zstd_size(body: bytes, size: int) -> bytes:
    """Write the content's size into the header of a frame that was begun without it (RFC 8878, 3.1.1.1).

    Readers that decompress in one call need it.
    """
    at = len(_ZSTD_MAGIC)
    if body[:at] != _ZSTD_MAGIC or body[at] & _ZSTD_HAS_SIZE:
        return body
    return b"".join(
        (
            body[:at],
            bytes([body[at] | _ZSTD_SIZE_64]),
            body[at + 1 : at + 2],
            struct.pack("<Q", size),
            memoryview(body)[at + 2 :],
        )
    )


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
            has_inside=True,
        ),
        Codec(
            "zstd",
            ".zst",
            range(1, 20),
            3,
            _zstd,
            lambda raw: cast("BinaryIO", zstd.ZstdFile(raw)),
            _with_zstd_size,
        ),
        Codec("bzip2", ".bz2", range(1, 10), 9, bz2.BZ2Compressor, lambda raw: cast("BinaryIO", bz2.BZ2File(raw))),
        Codec("none", "", range(1), 0, lambda _level: _Plain(), lambda raw: cast("BinaryIO", io.BufferedReader(raw))),
    )
}
