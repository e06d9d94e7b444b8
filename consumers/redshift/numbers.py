"""Conversion of a JSON value to a number that COPY takes, digit for digit, or to the reason why not. Pure.

A number is an int, or a `Raw` of its JSON. A float may have lost digits, and is used only for columns of floats.
"""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from struct import Struct
from typing import Any

from msgspec import Raw

from consumers.redshift.table import Column
from consumers.redshift.unfit import Unfit, word_of

_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,40})?", re.ASCII)
_BLANKS = " \t\r\n"
_LEAST_DOUBLE, _GREATEST_DOUBLE = 2.2250738585072014e-308, 1.7976931348623157e308
_LEAST_REAL, _GREATEST_REAL = 1.1754943508222875e-38, 3.4028234663852886e38
_HUGE, _TINY = Decimal("1e999"), Decimal("1e-999")
_EXACT_FLOAT = 2**53  # up to it, each integer is a float
_real = Struct("<f")


def decimal_of(written: str) -> Decimal:
    """Parse a number of JSON. Numbers far beyond every type become 1e999 or 1e-999, with their sign."""
    try:
        number = Decimal(written)
    except InvalidOperation:  # the exponent itself has too many digits
        mantissa, _, exponent = written.lower().partition("e")
        number = Decimal(mantissa).copy_sign(Decimal(1)) and (_TINY if exponent[:1] == "-" else _HUGE)
        number = number.copy_sign(Decimal(mantissa))
    if not number:
        return Decimal(0)  # the exponent of a zero may have any size
    far = _HUGE if number.adjusted() > _HUGE.adjusted() else _TINY if number.adjusted() < _TINY.adjusted() else None
    return number if far is None else far.copy_sign(number)


def as_decimal(value: Any) -> Decimal:  # noqa: ANN401 - JSON
    """Return a number, or the number that a text represents, as Decimal.

    Raises:
        Unfit: it is neither.
    """
    if isinstance(value, str):
        text = value.strip(_BLANKS)
        if not _NUMBER.fullmatch(text):
            raise Unfit(reason="wrong_type", detail="is a text, and no number")
        return decimal_of(text)
    if type(value) is Raw and memoryview(value)[0] not in b"{[":
        return decimal_of(bytes(value).decode())
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(reason="wrong_type", detail=f"is {word_of(value)}, and no number")
    return Decimal(value)


def integer(column: Column) -> Any:  # noqa: ANN401 - a converter
    """Return the function that makes integers for a column."""
    kind, rounded = column.kind, column.round
    least, greatest = -(2 ** (kind.size - 1)), 2 ** (kind.size - 1) - 1

    def convert(value: Any) -> int:  # noqa: ANN401 - JSON
        if type(value) is not int:
            value = _whole(value, rounded=rounded)
        if not least <= value <= greatest:
            raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}")
        return int(value)

    return convert


def _whole(value: Any, *, rounded: bool) -> int | Decimal:  # noqa: ANN401 - JSON
    if isinstance(value, str) and _INTEGER.fullmatch(text := value.strip(_BLANKS)):
        return int(text)
    number = as_decimal(value)
    whole = number.to_integral_value(ROUND_HALF_UP)
    if whole != number and not rounded:
        raise Unfit(reason="too_precise", detail="has a fraction, and the column none")
    return whole


def decimal(column: Column) -> Any:  # noqa: ANN401 - a converter
    """Return the function that makes decimals for a column, as text in plain digits."""
    kind, rounded = column.kind, column.round
    unit, least_beyond = Decimal(1).scaleb(-kind.scale), Decimal(1).scaleb(kind.size - kind.scale)

    def convert(value: Any) -> str:  # noqa: ANN401 - JSON
        number = as_decimal(value)
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


def floating(column: Column) -> Any:  # noqa: ANN401 - a converter
    """Return the function that makes the nearest float for a column."""
    kind = column.kind
    real = kind.name == "real"
    least, greatest = (_LEAST_REAL, _GREATEST_REAL) if real else (_LEAST_DOUBLE, _GREATEST_DOUBLE)

    def convert(value: Any) -> float:  # noqa: ANN401 - JSON
        number = value if type(value) is float else _nearest(value, column)
        if number == 0:
            return number
        if not least <= abs(number) <= greatest:
            raise Unfit(reason="out_of_range", detail=f"lies beyond {kind}")
        return float(_real.unpack(_real.pack(number))[0]) if real else number

    return convert


def _nearest(value: Any, column: Column) -> float:  # noqa: ANN401 - JSON
    if type(value) is int and -_EXACT_FLOAT <= value <= _EXACT_FLOAT:
        return float(value)
    number = as_decimal(value)
    written = bytes(value) if type(value) is Raw else value
    nearest = float(written if isinstance(written, bytes | str) else number)  # a zero keeps its sign
    if number and not nearest:
        raise Unfit(reason="out_of_range", detail=f"lies beyond {column.kind}")
    return nearest
