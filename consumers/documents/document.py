"""What a payload becomes: documents, or a rejection."""

from typing import Any, Literal

import msgspec

Reason = Literal[
    "empty",  # no bytes, or nothing but whitespace
    "json_invalid",  # not JSON as RFC 8259 has it, nor objects of it: also NaN, UTF-16, a byte order mark, a tail
    "not_object",  # one value that is JSON, and no object
    "duplicate_key",  # an object, at any depth, has a key twice: servers differ in which one they take
    "surrogate",  # half of a surrogate pair: no UTF-8 can hold it
    "number_range",  # an integer beyond 64 bits with a sign, or a float beyond 64 bits
    "too_deep",  # nested beyond the limit
    "too_large",  # inflates beyond the limit
    "compressed_invalid",  # begins as gzip or zstd, and is damaged, cut short, followed by something, or packed twice
    "too_many_documents",  # more in one record than the limit
]
"""Why a payload holds no documents: the reasons of `decode`."""


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that fails alone. `reason` is one word, to count by; `detail` is for people and holds no data of it."""

    reason: str
    detail: str


class Document(msgspec.Struct, frozen=True, gc=False):  # gc: JSON makes no cycles
    """One JSON object. `source` is its UTF-8 on one line, with numbers and escapes as they came; `fields` the same."""

    source: bytes
    fields: dict[str, Any]


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A payload's documents in their order. `repaired`: escapes of nginx were taken back first."""

    documents: list[Document]
    repaired: bool = False
