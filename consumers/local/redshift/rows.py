"""Converts a line of JSON to a row of COPY FROM STDIN, with the errors of Redshift's COPY. Pure.

Error codes: "Load error reference" in the Amazon Redshift Database Developer Guide.
"""

import re
from collections.abc import Callable, Container, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import NamedTuple

import msgspec
from msgspec import Raw

_decode_text = msgspec.json.Decoder(str).decode
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_BITS = {"int2": 15, "int4": 31, "int8": 63}
_TRUE, _FALSE = frozenset({"t", "true", "y", "yes", "1"}), frozenset({"f", "false", "n", "no", "0"})
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_MOST_TEXT = 65_535
_MOST_PLACES = 100  # far more than the 38 of a decimal
MOST_LINE = 4 << 20

_SEMISTRUCTURED = frozenset({"jsonb", "super"})

Convert = Callable[[Raw | None], str | None]


class RowError(Exception):
    """A row that COPY refuses: Redshift's error code and message."""

    def __init__(self, *, code: int, words: str) -> None:
        """Store the code and the message."""
        super().__init__(words)
        self.code = code


class TargetColumn(NamedTuple):
    """A column to fill: PostgreSQL's name of its type, its size, and whether it is NOT NULL."""

    name: str
    type: str
    size: int
    scale: int
    required: bool


def converter(column: TargetColumn, options: Mapping[str, str]) -> Convert:
    """Return the function that converts undecoded JSON to text for COPY FROM STDIN. None stands for NULL."""
    of_type = _semistructured if column.type in _SEMISTRUCTURED else _scalar(column, options)

    def convert(value: Raw | None) -> str | None:
        json = "null" if value is None else bytes(value).decode()
        written = None if json == "null" else of_type(json)
        if written is None:
            if column.required:
                raise RowError(code=1213, words="Missing data for not-null field")
            return "\\N"
        return written.translate(_ESCAPES)

    return convert


def _semistructured(json: str) -> str:
    """Return JSON as it was written, so that each number keeps its digits."""
    if "\\u0000" in json.replace("\\\\", ""):
        raise RowError(code=1224, words="Invalid SUPER value")
    return json


def _scalar(column: TargetColumn, options: Mapping[str, str]) -> Callable[[str], str | None]:
    of_type = _of_type(column, options)

    def convert(json: str) -> str | None:
        text: str = _decode_text(json) if json.startswith('"') else json
        empty = (text == "" and "EMPTYASNULL" in options) or (not text.strip() and "BLANKSASNULL" in options)
        return None if empty else of_type(text)

    return convert


def _of_type(column: TargetColumn, options: Mapping[str, str]) -> Callable[[str], str | None]:
    kind = column.type
    if kind in {"varchar", "bpchar", "text"}:
        return lambda text: _varchar(text, column, options)
    if kind in _BITS:
        return lambda text: _integer(text.strip(), kind)
    if kind in {"float4", "float8"}:
        return lambda text: _float(text.strip(), kind)
    others: dict[str, Callable[[str], str | None]] = {
        "numeric": lambda text: _decimal(text.strip(), column, options),
        "bool": lambda text: _boolean(text.strip().lower()),
        "date": lambda text: _date(text.strip()),
        "timestamp": lambda text: _timestamp(text.strip(), zoned=False),
        "timestamptz": lambda text: _timestamp(text.strip(), zoned=True),
    }
    return others[kind]


def _varchar(text: str, column: TargetColumn, options: Container[str]) -> str:
    if "\0" in text:
        raise RowError(code=1220, words="String contains invalid or unsupported UTF8 codepoints")
    if column.type == "bpchar" and not text.isascii():
        raise RowError(code=1220, words="Multibyte character not supported for CHAR")
    encoded = text.encode()
    if len(encoded) > (column.size or _MOST_TEXT):
        if "TRUNCATECOLUMNS" not in options:
            raise RowError(code=1204, words="String length exceeds DDL length")
        return encoded[: column.size].decode(errors="ignore")
    return text


def _integer(text: str, kind: str) -> str | None:
    if not text:
        return None
    if not _INTEGER.fullmatch(text):
        raise RowError(code=1207, words="Invalid digit")
    if not -(1 << _BITS[kind]) <= int(text) < 1 << _BITS[kind]:
        raise RowError(code=1216, words="Overflow")
    return text


def _decimal(text: str, column: TargetColumn, options: Container[str]) -> str | None:
    if not text:
        return None
    try:
        with localcontext() as context:
            context.prec = _MOST_PLACES
            unit = Decimal(1).scaleb(-column.scale)
            number = Decimal(text).quantize(unit, ROUND_HALF_UP if "ROUNDEC" in options else ROUND_DOWN)
    except InvalidOperation:
        raise RowError(code=1209, words="Invalid numeric format") from None
    if number.copy_abs() >= Decimal(1).scaleb(column.size - column.scale):
        raise RowError(code=1216, words="Overflow")
    return f"{number:f}"


def _float(text: str, kind: str) -> str | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise RowError(code=1208, words="Invalid float format") from None
    if abs(number) == float("inf") or (kind == "float4" and abs(number) > 3.4028235e38):  # noqa: PLR2004 - the type's
        raise RowError(code=1216, words="Overflow")
    return repr(number)


def _boolean(text: str) -> str | None:
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise RowError(code=1210, words="Unknown boolean format")
    return "t" if text in _TRUE else "f"


def _date(text: str) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise RowError(code=1205, words="Invalid date format") from None


def _timestamp(text: str, *, zoned: bool) -> str | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(code=1206, words="Invalid timestamp format or value") from None
    if zoned:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(" ")
    return moment.replace(tzinfo=None).isoformat(" ")
