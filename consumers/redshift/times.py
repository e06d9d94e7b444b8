"""From a value of JSON to a time that COPY takes for a column as it stands, or the reason why there is none. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, Inexact, localcontext
from typing import Any

from msgspec import Raw

from consumers.redshift.numbers import decimal_of
from consumers.redshift.table import Column
from consumers.redshift.unfit import Unfit, word_of

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC, and COPY takes them without a zone
_SINCE_EPOCH = re.compile(r"-?\d{9,20}(\.\d{1,40})?", re.ASCII)  # fewer digits may be a year, or a day as 20261127
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([T ](?P<clock>\d\d:\d\d(:\d\d)?)([.,](?P<fraction>\d{1,40}))?\s?(?P<zone>[Zz]|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
_MICROSECONDS = 6
_FAR = 10**18  # microseconds: more than the years 1 to 9999 are from 1970


def time(column: Column) -> Any:  # noqa: ANN401 - what turns JSON
    """Make times, and days."""
    kind = column.kind.name
    ending = "+00" if kind == "timestamptz" else ""
    per_second, rounded = (1000 if column.epoch == "ms" else 1), column.round

    def convert(value: Any) -> str:  # noqa: ANN401 - JSON
        try:
            moment = _moment(value, per_second, rounded=rounded)
        except OverflowError:
            raise Unfit(reason="out_of_range", detail="lies beyond the years 1 to 9999") from None
        if kind != "date":
            return moment.isoformat(" ") + ending
        if moment.time() != datetime.min.time() and not rounded:
            raise Unfit(reason="too_precise", detail="has a time of day, and a date none")
        return moment.date().isoformat()

    return convert


def _moment(value: Any, per_second: int, *, rounded: bool) -> datetime:  # noqa: ANN401 - JSON
    if type(value) is str:
        text = value.strip()
        if not _SINCE_EPOCH.fullmatch(text):
            return _parsed(text, rounded=rounded)
        value = Decimal(text)
    return _EPOCH + timedelta(microseconds=_microseconds(value, per_second, rounded=rounded))


def _microseconds(value: Any, per_second: int, *, rounded: bool) -> int:  # noqa: ANN401 - JSON
    if type(value) is int:
        return value * (1_000_000 // per_second)
    if type(value) is Raw and memoryview(value)[0] not in b"{[":
        value = decimal_of(bytes(value).decode())
    if not isinstance(value, float | Decimal):
        raise Unfit(reason="wrong_type", detail=f"is {word_of(value)}, and no time")
    with localcontext() as context:
        context.prec = 100
        context.clear_flags()
        exact = (Decimal(repr(value)) if isinstance(value, float) else value) * (1_000_000 // per_second)
        cut = context.flags[Inexact]
    if exact.copy_abs() > _FAR:
        raise OverflowError
    whole = exact.to_integral_value(ROUND_HALF_UP)
    if (cut or whole != exact) and not rounded:
        raise Unfit(reason="too_precise", detail="has more than microseconds")
    return int(whole)


def _parsed(text: str, *, rounded: bool) -> datetime:
    found = _TIME.fullmatch(text)
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
