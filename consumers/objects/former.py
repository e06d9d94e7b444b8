"""Version 1 of the index, which is still read but not written: lines of JSON, in gzip hidden behind the data.

There the index, and after it a footer, lie in gzip members without content after the data's member, in the extra fields
of their headers. The footer gives the length of all of these.
"""

import io
import struct
from collections.abc import Iterator

import msgspec

from consumers.objects.codecs import Garbled, gunzip

_FOOTER = struct.Struct("<Q4s")
_MAGIC = b"KFX1"
_MEMBER_HEAD = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
_MEMBER_TAIL = b"\x03\0" + bytes(8)  # an empty deflate block, the CRC and the length of nothing
_EXTRA_ID = b"KF"
_MOST_LINE_BYTES = 64 << 20  # a line describes one delivery, which KCL bounds


class IndexRun(msgspec.Struct, gc=False, rename="camel"):
    """The columns of a run of records."""

    length: list[int]
    sequence_number: list[str]
    sub_sequence_number: list[int]
    arrival_ms: list[int]
    partition_key: list[str]


def read_index(index: bytes) -> Iterator[IndexRun]:
    """Yield the runs of an index.

    Raises:
        Garbled: a line is damaged, or of a later version.

    """
    decoder = msgspec.json.Decoder(IndexRun)
    lines = gunzip(io.BytesIO(index))
    while line := lines.readline(_MOST_LINE_BYTES):
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as fault:
            message = "the index is damaged, or of a later version"
            raise Garbled(message) from fault


def split(body: bytes) -> tuple[memoryview, bytes] | None:
    """Split a gzip object into the member with its lines and the hidden index; return None if none is hidden.

    Raises:
        Garbled: it is damaged.

    """
    end = len(body) - len(_MEMBER_TAIL)
    if end < _FOOTER.size:
        return None
    length, magic = _FOOTER.unpack_from(body, end - _FOOTER.size)
    if magic != _MAGIC:
        return None
    if not _FOOTER.size < length <= len(body):
        message = "the index at the object's end is damaged"
        raise Garbled(message)
    try:
        return memoryview(body)[: len(body) - length], _joined(body[-length:])
    except struct.error as fault:
        message = "the index at the object's end is damaged"
        raise Garbled(message) from fault


def _joined(hidden: bytes) -> bytes:
    parts, at = [], 0
    while at < len(hidden):
        length = struct.unpack_from("<H", hidden, at + 14)[0]
        if hidden[at : at + 10] != _MEMBER_HEAD or hidden[at + 12 : at + 14] != _EXTRA_ID:
            message = "the index's gzip members are damaged"
            raise Garbled(message)
        parts.append(hidden[at + 16 : at + 16 + length])
        at += 16 + length + len(_MEMBER_TAIL)
    return b"".join(parts)[: -_FOOTER.size]
