"""What a payload becomes: documents, or a rejection."""

from typing import Any, Literal

import msgspec

Reason = Literal[
    "empty",  # no bytes, nothing but whitespace, or a list of nothing
    "json_invalid",  # not JSON as RFC 8259 has it, nor objects of it: also NaN, UTF-16, a tail
    "not_object",  # one value that is JSON, and neither an object nor a list of objects
    "duplicate_key",  # an object, at any depth, has a key twice: servers differ in which one they take
    "surrogate",  # half of a surrogate pair: no UTF-8 can hold it
    "too_deep",  # nested beyond the limit
    "too_large",  # inflates beyond the limit
    "compressed_invalid",  # begins as gzip, zlib or zstd, and is damaged, cut short, followed by others, packed twice
    "too_many_documents",  # more in one record than the limit
    "too_many_values",  # more in one document than the limit
]
"""Why a payload holds no documents: the reasons of `decode`."""

_open = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that fails alone. `reason` is one word, to count by; `detail` is for people and holds no data of it."""

    reason: str
    detail: str


class Document(msgspec.Struct, frozen=True, gc=False):  # gc: JSON makes no cycles
    """One JSON object. `source` is its UTF-8 on one line, with numbers and escapes as they came.

    `read` is what was made of it on the way, if that was kept: then its fractions are floats, and may have lost digits.
    """

    source: bytes
    read: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields: each value is what it reads as, or a `Raw` of its JSON."""
        return self.opened() if self.read is None else self.read

    def opened(self) -> dict[str, Any]:
        """Give its fields with each value as it came: a `Raw` of its JSON."""
        return _open(self.source)


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A payload's documents in their order. `repaired`: escapes of nginx were taken back first."""

    documents: list[Document]
    repaired: bool = False
