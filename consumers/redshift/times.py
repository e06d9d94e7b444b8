"""Conversion of a JSON value to a time that COPY takes unchanged, or to the reason why not. Pure."""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, Inexact, localcontext
from typing import Any

from msgspec import Raw

from consumers.redshift.numbers import decimal_of
from consumers.redshift.table import Column
from consumers.redshift.unfit import Unfit, word_of

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC, and COPY takes them without a zone
_SINCE_EPOCH = re.compile(r"-?\d{9,20}(\.\d{1,40})?", re.ASCII)  # fewer digits may be a year, or a day such as 20261127
_FRACTION = r"([.,](?P<fraction>\d{1,40}))?"
_ZONE = r"(\s?((?P<zone>[Zz]|[+-]\d\d(:?\d\d)?)(\sUTC|\sGMT)?|UTC|GMT))?"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMED = "|".join(_MONTHS)
_TIMES = (
    # ISO 8601, also with slashes as in logs of nginx and Go, or without the seconds, or with the hour alone
    re.compile(
        r"(?P<year>\d{4})(?P<between>[-/])(?P<month>\d\d)(?P=between)(?P<day>\d\d)"
        rf"([Tt ](?P<hour>\d\d)(:(?P<minute>\d\d)(:(?P<second>\d\d){_FRACTION})?)?{_ZONE})?",
        re.ASCII,
    ),
    # ISO 8601's basic format; without a time of day it would be a number
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        rf"[Tt ](?P<hour>\d\d)((?P<minute>\d\d)((?P<second>\d\d){_FRACTION})?)?{_ZONE}",
        re.ASCII,
    ),
    # nginx's $time_local, and dates of HTTP and mail: a month's English name cannot be confused with the day
    re.compile(
        rf"([A-Z][a-z]{{2}},? )?(?P<day>\d\d?)(?P<between>[-/ ])(?P<month>{_NAMED})(?P=between)(?P<year>\d{{4}})"
        rf"[: ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d){_FRACTION})?{_ZONE}",
        re.ASCII,
    ),
)
_MICROSECONDS = 6
_FAR = 10**18  # microseconds: farther from 1970 than the years 1 to 9999


def time(column: Column) -> Any:  # noqa: ANN401 - a converter
    """Return the function that makes times or dates for a column."""
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
    found = next((match for form in _TIMES if (match := form.fullmatch(text))), None)
    if found is None:
        raise Unfit(reason="bad_time", detail="is no time: give milliseconds, or ISO 8601 such as 2026-11-27T12:00:00Z")
    digits = (found["fraction"] or "").rstrip("0")
    if len(digits) > _MICROSECONDS and not rounded:
        raise Unfit(reason="too_precise", detail="has more than microseconds")
    month = f"{_MONTHS.index(found['month']) + 1:02}" if found["month"] in _MONTHS else found["month"]
    clock = ":".join(found[part] or "00" for part in ("hour", "minute", "second"))
    zone = found["zone"] or "Z"
    try:
        moment = datetime.fromisoformat(
            f"{found['year']}-{month}-{found['day']:0>2}T{clock}{'+00:00' if zone in 'Zz' else zone}"
        )
    except ValueError:
        raise Unfit(reason="bad_time", detail="names a day or a time that does not exist") from None
    fraction = timedelta(microseconds=int(digits[:_MICROSECONDS].ljust(_MICROSECONDS, "0")))
    return moment.astimezone(UTC).replace(tzinfo=None) + fraction
