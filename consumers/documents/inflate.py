"""Decompresses gzip (RFC 1952), zlib (RFC 1950) and zstd (RFC 8878), recognized by their first bytes, within a limit.

Raw deflate cannot be recognized by its first bytes. Skippable frames of zstd are skipped. So is padding after the last
member: zeros, and whitespace such as the newline that some senders put after each record.
"""

import zlib
from collections.abc import Callable

from backports import zstd
from isal import isal_zlib

from consumers.documents.document import Rejected
from consumers.objects.codecs import DAMAGE, GZIP_WBITS

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZLIB = tuple(
    bytes((method, flags))
    for method in range(0x08, 0x88, 0x10)  # deflate, with windows of 256 bytes to 32 KiB
    for flags in range(256)
    if (method << 8 | flags) % 31 == 0 and not flags & 0x20  # the check of both bytes, and no dictionary
)
SKIPPABLE = tuple(bytes((0x50 + number, 0x2A, 0x4D, 0x18)) for number in range(16))
"""A frame that decoders of zstd skip (RFC 8878, 3.1.2): pzstd begins with one, a seek table at the end is one."""
_FIRST = (GZIP, ZSTD, *ZLIB, *SKIPPABLE)
MOST_MEMBERS = 10_000
"""The most gzip members, zlib streams or zstd frames in a payload: each takes time, even an empty one."""
_PIECE = 16_384  # the rest of a piece is copied at each member's end, so it is small, for payloads of empty members
_LEAST_WINDOW = 8 << 20  # the window that RFC 8878, 3.1.1.1.2, recommends every decoder to support
_PADDING = b"\0 \t\r\n"
_SKIPPABLE_HEAD = 8  # bytes: the magic number, and the length of what follows

_Inflater = Callable[[bytes, int, bytearray, int], int]
"""Inflates the member at an offset onto the end of `out`, and returns where it ends."""


class _TooLarge(Exception):
    """The payload inflates beyond the limit."""


class _Damaged(Exception):
    """The payload does not have the form that its first bytes announce."""


def packed(payload: bytes) -> bool:
    """Return whether the payload begins as a compressed one does. No JSON text does."""
    return payload.startswith(_FIRST)


def inflate(payload: bytes, max_bytes: int) -> bytes | Rejected:
    """Return the content of all members or frames, or the reason why not. It holds about `max_bytes` at most."""
    try:
        return bytes(_inflated(payload, max_bytes))
    except _TooLarge:
        return Rejected("too_large", f"inflates beyond {max_bytes} bytes")
    except _Damaged as fault:
        return Rejected("compressed_invalid", str(fault))
    except DAMAGE as fault:
        return Rejected("compressed_invalid", f"damaged: {type(fault).__name__}")


def _inflated(payload: bytes, max_bytes: int) -> bytearray:
    magic, inflater = _way_of(payload)
    out, at, members = bytearray(), 0, 0
    while at < len(payload):
        if not payload.startswith(magic, at):
            if members and not payload[at:].strip(_PADDING):
                break
            message = f"something else follows at byte {at}"
            raise _Damaged(message)
        if members == MOST_MEMBERS:
            message = f"more than {MOST_MEMBERS} members"
            raise _Damaged(message)
        at = inflater(payload, at, out, max_bytes)
        members += 1
    return out


def _way_of(payload: bytes) -> tuple[tuple[bytes, ...], _Inflater]:
    if payload.startswith((ZSTD, *SKIPPABLE)):
        return (ZSTD, *SKIPPABLE), _zstd
    return ((GZIP,), _gzip) if payload.startswith(GZIP) else (ZLIB, _zlib)


def _gzip(payload: bytes, at: int, out: bytearray, max_bytes: int) -> int:
    return _deflated(payload, at, out, max_bytes, GZIP_WBITS)


def _zlib(payload: bytes, at: int, out: bytearray, max_bytes: int) -> int:
    return _deflated(payload, at, out, max_bytes, zlib.MAX_WBITS)


def _deflated(payload: bytes, at: int, out: bytearray, max_bytes: int, wbits: int) -> int:
    member = isal_zlib.decompressobj(wbits)
    while at < len(payload):
        piece = payload[at : at + _PIECE]
        at += len(piece)
        while piece and not member.eof:
            out += member.decompress(piece, max_bytes + 1 - len(out))
            if len(out) > max_bytes:
                raise _TooLarge
            piece = member.unconsumed_tail
        if member.eof:
            return at - len(member.unused_data)
    message = "cut short"
    raise _Damaged(message)


def _zstd(payload: bytes, at: int, out: bytearray, max_bytes: int) -> int:
    if payload.startswith(SKIPPABLE, at):
        return _behind_skippable(payload, at)
    if _window(payload[at : at + 18]) > max(max_bytes, _LEAST_WINDOW):
        raise _TooLarge
    frame = zstd.ZstdDecompressor()
    while at < len(payload):
        piece = payload[at : at + _PIECE]
        at += len(piece)
        while True:
            out += frame.decompress(piece, max_bytes + 1 - len(out))
            if len(out) > max_bytes:
                raise _TooLarge
            if frame.eof or frame.needs_input:
                break
            piece = b""
        if frame.eof:
            return at - len(frame.unused_data)
    message = "cut short"
    raise _Damaged(message)


def _behind_skippable(payload: bytes, at: int) -> int:
    end = at + _SKIPPABLE_HEAD + int.from_bytes(payload[at + 4 : at + _SKIPPABLE_HEAD], "little")
    if end > len(payload):
        message = "cut short"
        raise _Damaged(message)
    return end


def _window(header: bytes) -> int:
    """Return the bytes that a frame's decoder must hold: the content of a single segment, otherwise the window."""
    content: int | None = zstd.get_frame_info(header).decompressed_size
    if header[4] & 0x20:
        return content or 0
    exponent, mantissa = header[5] >> 3, header[5] & 7
    return (1 << (10 + exponent)) * (8 + mantissa) // 8
