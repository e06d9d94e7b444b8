"""The results of decoding a payload: documents, or a rejection."""

from typing import Any, Literal

import msgspec

Reason = Literal[
    "empty",  # no bytes, nothing but whitespace, or an empty list
    "json_invalid",  # not JSON by RFC 8259, such as NaN, UTF-16 or trailing text
    "not_object",  # one JSON value that is neither an object nor a list of objects
    "duplicate_key",  # an object at any depth has a key twice; servers differ in which value they take
    "surrogate",  # half of a surrogate pair, which UTF-8 cannot represent
    "too_deep",  # nested beyond the limit
    "too_large",  # inflates beyond the limit
    "compressed_invalid",  # begins as gzip, zlib or zstd, and is damaged, truncated, followed by others, packed twice
    "too_many_documents",  # more documents in one record than the limit
    "too_many_values",  # more values in one document than the limit
]
"""Why a payload holds no documents: the reasons of `decode`."""

_open = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that fails alone. `reason` is one word, to count by; `detail` is a text without data of the record."""

    reason: str
    detail: str


class Document(msgspec.Struct, frozen=True, gc=False):  # gc: JSON makes no cycles
    """One JSON object. `source` is its UTF-8 on one line, with numbers and escapes as they came.

    `read` holds its decoded fields if they were kept. Fractions in it are floats, and may have lost digits.
    """

    source: bytes
    read: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields: each value is decoded, or a `Raw` of its JSON."""
        return self.opened() if self.read is None else self.read

    def opened(self) -> dict[str, Any]:
        """Return the fields with each value as it came, as a `Raw` of its JSON."""
        return _open(self.source)


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A payload's documents in order. `repaired` means that nginx's escapes were undone first."""

    documents: list[Document]
    repaired: bool = False
