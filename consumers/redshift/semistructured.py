"""Conversion of a JSON value to one that COPY takes for a super column: the same bytes, or the reason why not. Pure.

Source: "Limitations" of the SUPER type in the Amazon Redshift Database Developer Guide: a value within it has the
limits of the corresponding type.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.nesting import outside
from consumers.redshift.numbers import decimal_of
from consumers.redshift.table import Column
from consumers.redshift.types import MOST_DIGITS
from consumers.redshift.unfit import Unfit

MOST_SUPER_TEXT = 65_535
MOST_LINE_BYTES = 4 << 20
"""The longest row that COPY reads (Amazon Redshift Database Developer Guide, "COPY from Amazon S3", 4 MB)."""

_GREATEST = decimal_of("1.7976931348623157e308")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_GREAT_NUMBER = re.compile(rb"[0-9]{%d}|[eE][-+]?[0-9]{3}" % (MOST_DIGITS + 1))
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode


def semistructured(_column: Column) -> Any:  # noqa: ANN401 - a converter
    """Return the function that takes a value as it was written."""

    def convert(value: Any) -> Raw:  # noqa: ANN401 - JSON
        encoded = bytes(value) if type(value) is Raw else _encode(value)
        if len(encoded) <= MOST_LINE_BYTES:  # a longer one makes no row anyway
            _check_texts(encoded)
            _check_numbers(encoded)
        return Raw(encoded)

    return convert


def _check_texts(encoded: bytes) -> None:
    if b"\\u0000" in encoded and b"\\u0000" in encoded.replace(b"\\\\", b""):
        raise Unfit(reason="bad_character", detail="holds a NUL, which Redshift has not")
    if len(encoded) <= MOST_SUPER_TEXT:
        return
    for found in _STRING.finditer(encoded):
        if len(found[0]) > MOST_SUPER_TEXT and len(_decode_text(found[0]).encode()) > MOST_SUPER_TEXT:
            raise Unfit(reason="too_long", detail=f"holds a text of more than {MOST_SUPER_TEXT} bytes")


def _check_numbers(encoded: bytes) -> None:
    """Refuse an integer with more digits than a decimal has, and a number beyond every float."""
    if not _GREAT_NUMBER.search(encoded):
        return
    for written in _NUMBER.findall(outside(encoded)):
        whole = written.lstrip(b"-").isdigit()
        if (whole and len(written.lstrip(b"-")) > MOST_DIGITS) or decimal_of(written.decode()).copy_abs() > _GREATEST:
            raise Unfit(reason="out_of_range", detail="holds a number that lies beyond every type")
