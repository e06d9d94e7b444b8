"""The index inside a gzip object: an extra field in its header (RFC 1952, 2.3.1.1), where it fits.

So the object remains a single member, which every reader can read. Some readers do not read a second one, and some take
the size from the last four bytes. BusyBox 1.35 cannot open an object whose header is longer than 16 KiB.
"""

import struct

from consumers.objects import former
from consumers.objects.codecs import Garbled

_PLAIN_HEAD = 10
_MAGIC = b"\x1f\x8b\x08"
_EXTRA_FLAG = 4
_FIELD = struct.Struct("<H2sH")
_ID = b"KF"
MOST_BYTES = 16_000
"""The size of the largest index that goes inside; a larger one goes beside."""


def put_inside(body: bytes, index: bytes) -> bytes | None:
    """Put an index into the header of a gzip stream that has a plain header; return None if it does not fit."""
    if len(index) > MOST_BYTES:
        return None
    head = _MAGIC + bytes([_EXTRA_FLAG]) + body[len(_MAGIC) + 1 : _PLAIN_HEAD]
    field = _FIELD.pack(_FIELD.size - 2 + len(index), _ID, len(index))
    return b"".join((head, field, index, memoryview(body)[_PLAIN_HEAD:]))


def split(body: bytes) -> tuple[bytes | memoryview, bytes | None]:
    """Split a gzip object into its compressed lines and the index; the index is None if it holds none.

    Raises:
        Garbled: it is damaged.

    """
    if body[: len(_MAGIC)] != _MAGIC:
        message = "it is no gzip object: it was cut short, or another wrote it"
        raise Garbled(message)
    if len(body) >= _PLAIN_HEAD + _FIELD.size and body[len(_MAGIC)] & _EXTRA_FLAG:
        _, name, length = _FIELD.unpack_from(body, _PLAIN_HEAD)
        if name == _ID:
            start = _PLAIN_HEAD + _FIELD.size
            return body, body[start : start + length]
    return former.split(body) or (body, None)
