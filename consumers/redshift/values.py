"""Conversion of a JSON value to one that COPY takes for a column unchanged, or to the reason why not. Pure.

COPY would cut, round or refuse what does not fit. Here it is refused, unless the column says otherwise.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from consumers.redshift.numbers import decimal, floating, integer
from consumers.redshift.semistructured import semistructured
from consumers.redshift.table import Column
from consumers.redshift.times import time
from consumers.redshift.unfit import Unfit, word_of

Convert = Callable[[Any], Any]

# As Redshift has them: "Boolean type" in the Amazon Redshift Database Developer Guide.
_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "1"), True) | dict.fromkeys(("false", "f", "no", "n", "0"), False)
_INTEGER = re.compile(rb"0|-?[1-9][0-9]*")
_FEW_DIGITS = 100
_read = msgspec.json.Decoder().decode


class Several(list[Any]):
    """The values that a path leads to, if there is more than one."""


def settled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Decode a `Raw` of JSON, except lists, objects, and numbers that Python would write differently."""
    if type(value) is Raw:
        view = memoryview(value)
        if view[0] in b'"tfn' or (len(view) < _FEW_DIGITS and _INTEGER.fullmatch(view)):
            return _read(view)
    return value


def converter(column: Column) -> Convert:
    """Return the function that converts a value, never None, to the column's. It raises `Unfit`.

    For a column that keeps each digit, a number must be an int or a `Raw` of its JSON: a float may have lost digits.
    """
    convert = TYPES[column.kind.name](column)
    if "." in column.path and column.kind.name != "super":
        convert = _alone(convert)
    if column.unfit == "reject":
        return convert

    def lenient(value: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            return convert(value)
        except Unfit:
            return None

    return lenient


def _alone(convert: Convert) -> Convert:
    def of_one(value: Any) -> Any:  # noqa: ANN401 - JSON
        if type(value) is Several:
            raise Unfit(reason="several_values", detail=f"is one of {len(value)}, and the column holds one")
        return convert(value)

    return of_one


def _text(column: Column) -> Convert:
    kind = column.kind
    size, safe = kind.size, kind.size // 4  # no character has more than 4 bytes
    ascii_only, truncate = kind.name == "char", column.truncate

    def convert(value: Any) -> str:  # noqa: ANN401 - JSON
        if type(value) is not str:
            value = _as_text(value)
        if "\0" in value:
            raise Unfit(reason="bad_character", detail="holds a NUL, which Redshift has not")
        if ascii_only and not value.isascii():
            raise Unfit(reason="bad_character", detail=f"holds more than ASCII, and {kind} does not")
        if len(value) > safe and len(encoded := value.encode()) > size:
            if not truncate:
                raise Unfit(reason="too_long", detail=f"has {len(encoded)} bytes, and {kind} holds {size}")
            value = encoded[:size].decode(errors="ignore")  # no character is cut apart
        return str(value)

    return convert


def _as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a boolean or a number as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if type(value) is Raw and memoryview(value)[0] not in b"{[":
        return bytes(value).decode()
    raise Unfit(reason="wrong_type", detail=f"is {word_of(value)}, and no text")


def _boolean(_column: Column) -> Convert:
    def convert(value: Any) -> bool:  # noqa: ANN401 - JSON
        if type(value) is bool:
            return value
        known = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
        if known is None and type(value) is int and value in {0, 1}:
            known = bool(value)
        if known is None:
            raise Unfit(reason="wrong_type", detail=f"is {word_of(value)}, and no boolean")
        return known

    return convert


TYPES: dict[str, Callable[[Column], Convert]] = {
    "varchar": _text,
    "char": _text,
    "smallint": integer,
    "integer": integer,
    "bigint": integer,
    "decimal": decimal,
    "real": floating,
    "double precision": floating,
    "boolean": _boolean,
    "date": time,
    "timestamp": time,
    "timestamptz": time,
    "super": semistructured,
}
"""The converters of each type that a table file may name."""
