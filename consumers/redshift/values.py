"""From a value of JSON to one that COPY takes for a column as it stands, or the reason why there is none. Pure.

COPY would cut, round or refuse what does not fit. Here it is refused, unless the column says otherwise.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, Inexact, InvalidOperation, localcontext
from struct import Struct
from typing import Any

import msgspec

from consumers.redshift.table import Column

Convert = Callable[[Any], Any]

MOST_SUPER_TEXT = 65_535
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC, and COPY takes them without a zone
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([T ](?P<clock>\d\d:\d\d(:\d\d)?)([.,](?P<fraction>\d{1,40}))?\s?(?P<zone>[Zz]|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
_MICROSECONDS = 6
_LEAST_DOUBLE, _GREATEST_DOUBLE = 2.2250738585072014e-308, 1.7976931348623157e308
_LEAST_REAL, _GREATEST_REAL = 1.1754943508222875e-38, 3.4028234663852886e38
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_real = Struct("<f")
_encode = msgspec.json.Encoder().encode


class Unfit(ValueError):
    """A value that its column does not hold. `reason` is one word, to count by; the message holds no data."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why."""
        super().__init__(detail)
        self.reason = reason


def converter(column: Column) -> Convert:
    """Give what turns a value, never None, into the column's. It raises `Unfit`.

    Numbers for a column that keeps each digit must come as int or `Decimal`: a float is not what was sent.
    """
    convert = _MAKERS[column.kind.name](column)
    if column.unfit == "reject":
        return convert

    def lenient(value: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            return convert(value)
        except Unfit:
            return None

    return lenient


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
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise Unfit(reason="wrong_type", detail=f"is {_word(value)}, and no text")


def _integer(column: Column) -> Convert:
    kind, rounded = column.kind, column.round
    least, greatest = -(2 ** (kind.size - 1)), 2 ** (kind.size - 1) - 1

    def convert(value: Any) -> int:  # noqa: ANN401 - JSON
        if type(value) is not int:
            value = _as_integer(value, rounded=rounded)
        if not least <= value <= greatest:
            raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}")
        return int(value)

    return convert


def _as_integer(value: Any, *, rounded: bool) -> int:  # noqa: ANN401 - JSON
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    number = _as_decimal(value)
    whole = number.to_integral_value(ROUND_HALF_UP)
    if whole != number and not rounded:
        raise Unfit(reason="too_precise", detail="has a fraction, and the column none")
    return int(whole)


def _as_decimal(value: Any) -> Decimal:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise Unfit(reason="wrong_type", detail="is a text, and no number")
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(reason="wrong_type", detail=f"is {_word(value)}, and no number")
    return Decimal(value)


def _decimal(column: Column) -> Convert:
    kind, rounded = column.kind, column.round
    unit, least_beyond = Decimal(1).scaleb(-kind.scale), Decimal(1).scaleb(kind.size - kind.scale)

    def convert(value: Any) -> str:  # noqa: ANN401 - JSON
        number = _as_decimal(value)
        if number.copy_abs() >= least_beyond:  # abs() would round
            raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}")
        with localcontext() as context:
            context.prec = 100
            try:
                fitting = number.quantize(unit, ROUND_HALF_UP)
            except InvalidOperation:  # pragma: no cover - the range was checked
                raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}") from None
        if fitting != number and not rounded:
            raise Unfit(reason="too_precise", detail=f"has more than the {kind.scale} decimals of {kind}")
        if fitting.copy_abs() >= least_beyond:
            raise Unfit(reason="out_of_range", detail=f"rounded, it lies beyond {kind}")
        return f"{fitting or fitting.copy_abs():f}"  # no minus before a zero

    return convert


def _float(column: Column) -> Convert:
    kind = column.kind
    real = kind.name == "real"

    def convert(value: Any) -> float:  # noqa: ANN401 - JSON
        number = value if type(value) is float else _as_float(value, column)
        if number == 0:
            return number
        least, greatest = (_LEAST_REAL, _GREATEST_REAL) if real else (_LEAST_DOUBLE, _GREATEST_DOUBLE)
        if not least <= abs(number) <= greatest:
            raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}")
        return float(_real.unpack(_real.pack(number))[0]) if real else number

    return convert


def _as_float(value: Any, column: Column) -> float:  # noqa: ANN401 - JSON
    number = _as_decimal(value)
    nearest = float(number)
    if number and not nearest:
        raise Unfit(reason="out_of_range", detail=f"lies beyond {column.kind}")
    return nearest


def _boolean(_column: Column) -> Convert:
    def convert(value: Any) -> bool:  # noqa: ANN401 - JSON
        if type(value) is bool:
            return value
        known = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
        if known is None and type(value) is int and value in {0, 1}:
            known = bool(value)
        if known is None:
            raise Unfit(reason="wrong_type", detail=f"is {_word(value)}, and no boolean")
        return known

    return convert


def _time(column: Column) -> Convert:
    kind = column.kind.name
    ending = "+00" if kind == "timestamptz" else ""
    per_second, rounded = (1000 if column.epoch == "ms" else 1), column.round

    def convert(value: Any) -> str:  # noqa: ANN401 - JSON
        try:
            if isinstance(value, str):
                moment = _parsed(value, rounded=rounded)
            else:
                moment = _EPOCH + timedelta(microseconds=_microseconds(value, per_second, rounded=rounded))
        except OverflowError:
            raise Unfit(reason="out_of_range", detail="lies beyond the years 1 to 9999") from None
        if kind != "date":
            return moment.isoformat(" ") + ending
        if moment.time() != datetime.min.time() and not rounded:
            raise Unfit(reason="too_precise", detail="has a time of day, and a date none")
        return moment.date().isoformat()

    return convert


def _microseconds(value: Any, per_second: int, *, rounded: bool) -> int:  # noqa: ANN401 - JSON
    if type(value) is int:
        return value * (1_000_000 // per_second)
    if not isinstance(value, float | Decimal):
        raise Unfit(reason="wrong_type", detail=f"is {_word(value)}, and no time")
    with localcontext() as context:
        context.prec = 100
        context.clear_flags()
        exact = (Decimal(repr(value)) if isinstance(value, float) else value) * (1_000_000 // per_second)
        cut = context.flags[Inexact]
    whole = exact.to_integral_value(ROUND_HALF_UP)
    if (cut or whole != exact) and not rounded:
        raise Unfit(reason="too_precise", detail="has more than microseconds")
    return int(whole)


def _parsed(text: str, *, rounded: bool) -> datetime:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Unfit(reason="bad_time", detail="is no time: give milliseconds, or ISO 8601 such as 2026-11-27T12:00:00Z")
    digits = (found["fraction"] or "").rstrip("0")
    if len(digits) > _MICROSECONDS and not rounded:
        raise Unfit(reason="too_precise", detail="has more than microseconds")
    zone = found["zone"] or "Z"
    try:
        day = date.fromisoformat(found["day"])
        moment = datetime.fromisoformat(f"{day}T{found['clock'] or '00:00'}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        raise Unfit(reason="bad_time", detail="names a day or a time that does not exist") from None
    fraction = timedelta(microseconds=int(digits[:_MICROSECONDS].ljust(_MICROSECONDS, "0")))
    return moment.astimezone(UTC).replace(tzinfo=None) + fraction


def _super(_column: Column) -> Convert:
    def convert(value: Any) -> msgspec.Raw:  # noqa: ANN401 - JSON
        encoded = _encode(value)
        if len(encoded) > MOST_SUPER_TEXT or b"\\u0000" in encoded:
            _check_texts(value)
        return msgspec.Raw(encoded)

    return convert


def _check_texts(value: Any) -> None:  # noqa: ANN401 - JSON
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            if "\0" in value:
                raise Unfit(reason="bad_character", detail="holds a NUL, which Redshift has not")
            if len(value.encode()) > MOST_SUPER_TEXT:
                raise Unfit(reason="too_long", detail=f"holds a text of more than {MOST_SUPER_TEXT} bytes")


def _word(value: Any) -> str:  # noqa: ANN401 - JSON
    words = {bool: "a boolean", str: "a text", list: "a list", dict: "an object", float: "a fraction", int: "a number"}
    return words.get(type(value), "a number")


_MAKERS: dict[str, Callable[[Column], Convert]] = {
    "varchar": _text,
    "char": _text,
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "decimal": _decimal,
    "real": _float,
    "double precision": _float,
    "boolean": _boolean,
    "date": _time,
    "timestamp": _time,
    "timestamptz": _time,
    "super": _super,
}
