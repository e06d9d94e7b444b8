"""Decodes a payload into its documents: decompresses it, undoes nginx's escapes, and parses it.

Nearly every payload is one JSON object, and takes the first step alone. msgspec decodes it into a type that admits only
what is certain to be valid, and encodes it again. If the result has the same bytes, the payload held no duplicate key,
no whitespace and no escape that needs a closer look. Whatever differs or fails goes on to the exact parser, which alone
rejects.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from consumers.documents import exact
from consumers.documents.document import Decoded, Document, Rejected
from consumers.documents.inflate import inflate, packed
from consumers.documents.nginx import repaired

MIB = 1 << 20
FAST_DEPTH = 8
FAST_BYTES = 1 << 18
"""The longest text in bytes that is held whole as values."""


def _unheard(_size_bytes: int) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a payload. The depth counts the brackets around the innermost value; a flat object has 1.

    `max_values` is for one document. It does not count what stands in innermost objects and lists, which take memory
    only briefly. `inflated` is called with the size in bytes to which a payload was inflated, whatever becomes of it.
    """

    max_inflated_bytes: int = 16 * MIB
    max_depth: int = 100
    max_documents: int = 10_000
    max_values: int = 250_000
    inflated: Callable[[int], None] = _unheard


def _admitted() -> Any:  # noqa: ANN401 - a type that is computed
    """Return the type of an object with a depth of at most FAST_DEPTH."""
    scalar = None | bool | int | float | str
    value: Any = scalar
    for _ in range(FAST_DEPTH - 1):
        value = scalar | list[value] | dict[str, value]
    return dict[str, value]


_decode = msgspec.json.Decoder(_admitted()).decode
_encode = msgspec.json.Encoder().encode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode(payload: bytes, limits: Limits) -> Decoded | Rejected:
    """Return the payload's documents, or the one reason why it has none. A record fails as a whole.

    It raises nothing but MemoryError, whatever the payload holds.
    """
    fast = limits.max_depth >= FAST_DEPTH and len(payload) <= FAST_BYTES
    document = _at_once(payload) if fast else None
    return Decoded([document]) if document else _carefully(payload, limits)


def _at_once(text: bytes) -> Document | None:
    """Return the object if it is certain to be valid, or None if the exact parser must decide."""
    try:
        fields = _decode(text)
        encoded = _encode(fields)
    except Exception:  # noqa: BLE001 - the exact parser gives the reason
        return None
    return Document(text, fields) if encoded == text else _spliced(text, encoded, fields)


def _spliced(text: bytes, encoded: bytes, fields: dict[str, Any]) -> Document | None:
    """Return an object whose bytes differ from its encoding by whitespace or spelling only, or None if uncertain.

    A duplicate key that was dropped takes two quotes with it. Every other quote is encoded again, except one that was
    written as its code point.
    """
    source = text.strip(exact.WHITESPACE)
    if source == encoded:
        return Document(source, fields)
    if source.count(b'"') != encoded.count(b'"') or (b"\\" in source and b"\\u0022" in source):
        return None
    return Document(exact.on_one_line(source), fields)


def _carefully(payload: bytes, limits: Limits) -> Decoded | Rejected:
    try:
        return _exactly(payload, limits)
    except MemoryError:  # the fault of the process, not of the record
        raise
    except Exception as fault:  # noqa: BLE001 - an unforeseen payload is the fault of the record alone
        return Rejected("json_invalid", f"cannot be read: {type(fault).__name__}")


def _exactly(payload: bytes, limits: Limits) -> Decoded | Rejected:
    if packed(payload):
        inflated = inflate(payload, limits.max_inflated_bytes)
        limits.inflated(limits.max_inflated_bytes if isinstance(inflated, Rejected) else len(inflated))
        if isinstance(inflated, Rejected):
            return inflated
        if packed(inflated):
            return Rejected("compressed_invalid", "compressed twice")
        return decode(inflated, limits)
    documents = _several(payload, limits)
    if documents:
        return Decoded(documents)
    whole = repaired(payload)
    bounds = exact.Bounds(limits.max_depth, limits.max_documents, limits.max_values)
    read = exact.read(payload if whole is None else whole, bounds)
    if whole is None or isinstance(read, Rejected):
        return read
    return Decoded(read.documents, repaired=True)


def _several(payload: bytes, limits: Limits) -> list[Document] | None:
    """Return the objects of text with one on each line, or of a short list, or None if uncertain.

    Each line can be parsed alone, since no token of JSON contains a raw newline.
    """
    if limits.max_depth < FAST_DEPTH:
        return None
    if payload[:1] == b"[" and len(payload) <= FAST_BYTES:
        try:
            parts = [bytes(part) for part in _split(payload)]
        except Exception:  # noqa: BLE001 - the exact parser gives the reason
            return None
    elif 0 < payload.count(b"\n") < limits.max_documents:
        parts = payload.split(b"\n")
    else:
        return None
    return _each(parts) if len(parts) <= limits.max_documents else None


def _each(parts: Iterable[bytes]) -> list[Document] | None:
    documents, held = list[Document](), 0
    for part in parts:
        document = _at_once(part) if len(part) <= FAST_BYTES else None
        if document:
            held += len(part)
            documents.append(document if held <= FAST_BYTES else Document(document.source))
        elif part.strip(exact.WHITESPACE):
            return None
    return documents
