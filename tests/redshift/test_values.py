"""What a column takes of JSON as it stands, what it refuses and why, and that nothing is changed unseen."""

import json
import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from consumers.redshift.semistructured import MOST_SUPER_TEXT
from consumers.redshift.table import Column
from consumers.redshift.unfit import Unfit
from consumers.redshift.values import converter

NUL = "a\0b"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def column(kind: str, **keys: Any) -> Column:
    return Column("a", kind, **keys)


def fit(kind: str, value: Any, **keys: Any) -> Any:
    return converter(column(kind, **keys))(value)


def reason(kind: str, value: Any, **keys: Any) -> str:
    with pytest.raises(Unfit) as raised:
        fit(kind, value, **keys)
    return raised.value.reason


def outcome(kind: str, value: Any, **keys: Any) -> tuple[Any, str]:
    """Give what it becomes, or the reason why not."""
    try:
        return fit(kind, value, **keys), ""
    except Unfit as fault:
        return None, fault.reason


REASONS = frozenset({"bad_character", "too_long", "wrong_type", "out_of_range", "too_precise", "bad_time"})


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("varchar(3)", "abc", "abc"),
        ("varchar(3)", "", ""),
        ("varchar(3)", "  ", "  "),
        ("varchar(3)", "\u20ac", "\u20ac"),
        ("varchar(4)", "\U0001f3ac", "\U0001f3ac"),
        ("varchar(5)", True, "true"),
        ("varchar(5)", False, "false"),
        ("varchar(5)", -12, "-12"),
        ("char(3)", "ab ", "ab "),
        ("smallint", -(2**15), -(2**15)),
        ("integer", 2**31 - 1, 2**31 - 1),
        ("bigint", -(2**63), -(2**63)),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("integer", "+7", 7),
        ("integer", Decimal("2.0"), 2),
        ("integer", "1e3", 1000),
        ("decimal(5,2)", 1, "1.00"),
        ("decimal(5,2)", Decimal("-999.99"), "-999.99"),
        ("decimal(5,2)", "1.1", "1.10"),
        ("decimal(5,2)", Decimal("-0.00"), "0.00"),
        ("decimal(38,0)", "9" * 38, "9" * 38),
        ("decimal(38,37)", "-9." + "9" * 37, "-9." + "9" * 37),
        ("double precision", 1, 1.0),
        ("double precision", "1.5", 1.5),
        ("double precision", 1.7976931348623157e308, 1.7976931348623157e308),
        ("real", 0.5, 0.5),
        ("boolean", True, True),
        ("boolean", 0, False),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("boolean", " Yes\n", True),
        ("boolean", "t", True),
        ("boolean", "n", False),
        ("boolean", "F", False),
        ("integer", " 12\n", 12),
        ("bigint", "1e0000000000000000000000003", 1000),
        ("decimal(5,2)", "\t1.10 ", "1.10"),
        ("double precision", " 1.5 ", 1.5),
        ("real", "0e99999999999999999999", 0.0),
        ("date", 0, "1970-01-01"),
        ("date", "2026-11-27", "2026-11-27"),
        ("timestamp", -1, "1969-12-31 23:59:59.999000"),
        ("timestamp", 1_764_500_000_123, "2025-11-30 10:53:20.123000"),
        ("timestamp", Decimal("0.001"), "1970-01-01 00:00:00.000001"),
        ("timestamp", "2026-11-27T12:00:00Z", "2026-11-27 12:00:00"),
        ("timestamp", "1764500000123", "2025-11-30 10:53:20.123000"),
        ("timestamp", " 1764500000123.5 ", "2025-11-30 10:53:20.123500"),
        ("timestamp", "-100000000", "1969-12-30 20:13:20"),
        ("timestamptz", "1764500000", "1970-01-21 10:08:20+00"),
        ("timestamp", Raw("1764500000000.123"), "2025-11-30 10:53:20.000123"),
        ("timestamp", Raw("1.7645e12"), "2025-11-30 10:53:20"),
        ("date", "1764460800000", "2025-11-30"),
        ("varchar(9)", Raw("1.10"), "1.10"),
        ("char(9)", Raw("-0"), "-0"),
        ("varchar(9)", Raw("1E400"), "1E400"),
        ("bigint", Raw("9007199254740993.0"), 9007199254740993),
        ("decimal(20,0)", Raw("18446744073709551615"), "18446744073709551615"),
        ("decimal(5,2)", Raw("-0"), "0.00"),
        ("decimal(5,2)", Raw("0e99999999999999999999"), "0.00"),
        ("double precision", Raw("1.5"), 1.5),
        ("timestamp", " 2026-11-27 12:00 ", "2026-11-27 12:00:00"),
        ("timestamp", "2026-11-27T12:00:00,5+01:30", "2026-11-27 10:30:00.500000"),
        ("timestamp", "2026-11-27", "2026-11-27 00:00:00"),
        ("timestamp", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        ("timestamp", "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
        ("timestamptz", "2026-11-27T12:00:00-0500", "2026-11-27 17:00:00+00"),
        ("timestamp", "2026-11-27T12", "2026-11-27 12:00:00"),
        ("timestamp", "2026-11-27T12+01", "2026-11-27 11:00:00"),
        ("timestamp", "2026-11-27t12:00:00z", "2026-11-27 12:00:00"),
        ("timestamp", "2026-11-27 12:00:00 UTC", "2026-11-27 12:00:00"),
        ("timestamp", "2026-11-27 12:00:00.5 +0100 GMT", "2026-11-27 11:00:00.500000"),
        ("timestamp", "2026/11/27 12:00:00", "2026-11-27 12:00:00"),
        ("timestamp", "20261127T120000.125Z", "2026-11-27 12:00:00.125000"),
        ("timestamp", "20261127T1200+01", "2026-11-27 11:00:00"),
        ("timestamp", "20261127 120000", "2026-11-27 12:00:00"),
        ("timestamp", "27/Nov/2026:12:00:00 +0100", "2026-11-27 11:00:00"),
        ("timestamptz", "Fri, 27 Nov 2026 12:00:00 GMT", "2026-11-27 12:00:00+00"),
        ("timestamp", "7 Nov 2026 12:00 -0000", "2026-11-07 12:00:00"),
    ],
)
def test_a_value_that_fits_is_taken_as_it_is(kind: str, value: Any, fits: Any) -> None:
    """What COPY loads means what was sent."""
    found = fit(kind, value)
    assert (type(found), found) == (type(fits), fits)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("varchar(3)", "abcd", "too_long"),
        ("varchar(3)", "\U0001f3ac", "too_long"),
        ("varchar(5)", "\u20ac\u20ac", "too_long"),
        ("varchar(9)", NUL, "bad_character"),
        ("varchar(9)", 1.5, "wrong_type"),
        ("varchar(9)", [], "wrong_type"),
        ("varchar(9)", {}, "wrong_type"),
        ("char(9)", "\u00e9", "bad_character"),
        ("char(9)", NUL, "bad_character"),
        ("char(3)", "abc ", "too_long"),
        ("smallint", 2**15, "out_of_range"),
        ("integer", -(2**31) - 1, "out_of_range"),
        ("bigint", "9223372036854775808", "out_of_range"),
        ("bigint", "1e300", "out_of_range"),
        ("integer", 1.5, "too_precise"),
        ("integer", "0.1", "too_precise"),
        ("integer", True, "wrong_type"),
        ("integer", "", "wrong_type"),
        ("integer", "12a", "wrong_type"),
        ("integer", "\u0661", "wrong_type"),
        ("integer", [1], "wrong_type"),
        ("decimal(5,2)", 1000, "out_of_range"),
        ("decimal(5,2)", Decimal("1.001"), "too_precise"),
        ("decimal(5,2)", "1e-300", "too_precise"),
        ("decimal(38,0)", "9" * 39, "out_of_range"),
        ("decimal(5,2)", "NaN", "wrong_type"),
        ("decimal(5,2)", False, "wrong_type"),
        ("double precision", "1e309", "out_of_range"),
        ("double precision", "1e-400", "out_of_range"),
        ("double precision", 5e-324, "out_of_range"),
        ("double precision", "inf", "wrong_type"),
        ("double precision", {}, "wrong_type"),
        ("real", 3.5e38, "out_of_range"),
        ("real", -1e-39, "out_of_range"),
        ("real", {}, "wrong_type"),
        ("boolean", 2, "wrong_type"),
        ("boolean", 1.0, "wrong_type"),
        ("boolean", "on", "wrong_type"),
        ("boolean", "", "wrong_type"),
        ("boolean", [], "wrong_type"),
        ("date", 1, "too_precise"),
        ("date", "2026-11-27T00:00:01Z", "too_precise"),
        ("date", "2026-02-29", "bad_time"),
        ("timestamp", "27.11.2026", "bad_time"),
        ("timestamp", "", "bad_time"),
        ("timestamp", "2025", "bad_time"),
        ("timestamp", "20261127", "bad_time"),
        ("timestamp", "1e12", "bad_time"),
        ("timestamp", "1764500000123.", "bad_time"),
        ("timestamp", "+1764500000123", "bad_time"),
        ("timestamp", "\u0661" * 13, "bad_time"),
        ("timestamp", "1764500000123.0001", "too_precise"),
        ("timestamp", "9" * 20, "out_of_range"),
        ("date", "1764500000123", "too_precise"),
        ("timestamp", Raw("1e400"), "out_of_range"),
        ("timestamp", Raw("[1]"), "wrong_type"),
        ("bigint", Raw("1e999999999"), "out_of_range"),
        ("bigint", Raw("-1E99999999999999999999"), "out_of_range"),
        ("bigint", Raw("1e-99999999999999999999"), "too_precise"),
        ("decimal(5,2)", Raw("1e999999999"), "out_of_range"),
        ("decimal(5,2)", Raw("-1e-999999999"), "too_precise"),
        ("double precision", Raw("1e400"), "out_of_range"),
        ("double precision", Raw("-1e-400"), "out_of_range"),
        ("double precision", Raw("{}"), "wrong_type"),
        ("boolean", Raw("1.0"), "wrong_type"),
        ("varchar(9)", Raw("[]"), "wrong_type"),
        ("super", Raw('{"a":1e400}'), "out_of_range"),
        ("super", Raw('["e999",' + "9" * 39 + "]"), "out_of_range"),
        ("super", Raw('{"a":"\\u0000"}'), "bad_character"),
        ("timestamp", "2026-11-27T24:00:00Z", "bad_time"),
        ("timestamp", "2026-11/27", "bad_time"),
        ("timestamp", "2026-11-27T12:00.5", "bad_time"),
        ("timestamp", "11/27/2026 12:00:00", "bad_time"),
        ("timestamp", "31/Feb/2026:12:00:00 +0000", "bad_time"),
        ("timestamp", "27/nov/2026:12:00:00 +0000", "bad_time"),
        ("timestamp", "27 Nov 2026 12:00:00 EST", "bad_time"),
        ("timestamp", "27 Nov 2026", "bad_time"),
        ("timestamp", "2026-11-27T12:00:00+25:00", "bad_time"),
        ("timestamp", "0000-01-01", "bad_time"),
        ("timestamp", "10000-01-01T00:00:00Z", "bad_time"),
        ("timestamp", "0001-01-01T00:00:00+01:00", "out_of_range"),
        ("timestamp", 253_402_300_800_000, "out_of_range"),
        ("timestamp", -(10**18), "out_of_range"),
        ("timestamp", 1e300, "out_of_range"),
        ("timestamp", "2026-11-27T12:00:00.1234567Z", "too_precise"),
        ("timestamp", Decimal("1764500000000.12301"), "too_precise"),
        ("timestamp", Decimal("1764500000000.123" + "0" * 200 + "1"), "too_precise"),
        ("timestamp", True, "wrong_type"),
        ("timestamp", {}, "wrong_type"),
        ("super", {"a": [NUL]}, "bad_character"),
        ("super", {NUL: 1}, "bad_character"),
        ("super", ["x" * (MOST_SUPER_TEXT + 1)], "too_long"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_reason(kind: str, value: Any, why: str) -> None:
    """COPY would cut, round or refuse it; the message holds no data."""
    with pytest.raises(Unfit) as raised:
        fit(kind, value)
    assert raised.value.reason == why
    assert not isinstance(value, str) or len(value) < 4 or value not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "value", "keys", "fits"),
    [
        ("varchar(4)", "ab\u20ac", {"truncate": True}, "ab"),
        ("varchar(5)", "ab\u20acd", {"truncate": True}, "ab\u20ac"),
        ("char(2)", "abc", {"truncate": True}, "ab"),
        ("integer", Decimal("2.5"), {"round": True}, 3),
        ("integer", -2.5, {"round": True}, -3),
        ("decimal(5,2)", Decimal("1.005"), {"round": True}, "1.01"),
        ("decimal(5,2)", Decimal("-0.001"), {"round": True}, "0.00"),
        ("timestamp", "2026-11-27T12:00:00.1234567Z", {"round": True}, "2026-11-27 12:00:00.123456"),
        ("timestamp", Decimal("0.0015"), {"round": True}, "1970-01-01 00:00:00.000002"),
        ("date", "2026-11-27T23:59:59Z", {"round": True}, "2026-11-27"),
        ("timestamp", 1_764_500_000, {"epoch": "s"}, "2025-11-30 10:53:20"),
        ("timestamp", "1764500000.25", {"epoch": "s"}, "2025-11-30 10:53:20.250000"),
        ("timestamp", "1764500000123.00051", {"round": True}, "2025-11-30 10:53:20.123001"),
        ("timestamp", Decimal("0.000001"), {"epoch": "s"}, "1970-01-01 00:00:00.000001"),
    ],
)
def test_a_column_that_says_so_changes_what_does_not_fit(
    kind: str, value: Any, keys: dict[str, Any], fits: Any
) -> None:
    """Only where the table file asks for it."""
    assert fit(kind, value, **keys) == fits


def test_rounding_does_not_lead_beyond_the_type() -> None:
    """COPY would refuse what it came to."""
    assert reason("decimal(3,2)", Decimal("9.995"), round=True) == "out_of_range"


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", "x"), ("varchar(1)", "ab"), ("timestamp", "x"), ("super", NUL), ("real", 1e300)]
)
def test_unfit_null_makes_null(kind: str, value: Any) -> None:
    """Of the value alone; the row stays."""
    assert fit(kind, value, unfit="null") is None
    assert fit("integer", 7, unfit="null") == 7


@given(TEXTS, st.integers(1, 50))
def test_a_varchar_holds_bytes_not_characters(text: str, size: int) -> None:
    """A text is taken whole if its UTF-8 is no longer than the column, and refused otherwise."""
    if len(text.encode()) <= size:
        assert fit(f"varchar({size})", text) == text
    else:
        assert reason(f"varchar({size})", text) == "too_long"


@given(TEXTS, st.integers(1, 50))
def test_truncate_never_splits_a_character(text: str, size: int) -> None:
    """What is left is a beginning of the text, fits, and has no room for another character."""
    cut = fit(f"varchar({size})", text, truncate=True)
    assert text.startswith(cut)
    assert len(cut.encode()) <= size
    assert cut == text or len(text[: len(cut) + 1].encode()) > size


@given(st.integers(1, 38), st.data())
def test_a_decimal_keeps_each_digit(size: int, data: st.DataObject) -> None:
    """What fits comes out equal, in plain digits, with as many decimals as the type has."""
    scale = data.draw(st.integers(0, min(size, 37)))
    unscaled = data.draw(st.integers(-(10**size) + 1, 10**size - 1))
    value = Decimal(f"{unscaled}e-{scale}")
    for given_as in (value, str(value), f"{value:f}"):
        text = fit(f"decimal({size},{scale})", given_as)
        assert Decimal(text) == value
        assert len(text.partition(".")[2]) == scale
        assert "E" not in text.upper()


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(1, 38), st.data())
def test_a_decimal_is_exact_or_refused(value: Decimal, size: int, data: st.DataObject) -> None:
    """Whatever the number is; a rounded one is off by half a unit at most."""
    scale = data.draw(st.integers(0, min(size, 37)))
    for rounded in (False, True):
        text, why = outcome(f"decimal({size},{scale})", value, round=rounded)
        if why:
            assert why in ({"out_of_range"} if rounded else {"out_of_range", "too_precise"})
        else:
            difference = abs(Fraction(text) - Fraction(value))
            assert difference * 2 * 10**scale <= (1 if rounded else 0)


MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 - they are UTC


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_a_time_is_kept_to_the_microsecond(moment: datetime, minutes: int) -> None:
    """As text in any zone, and as milliseconds."""
    moment = moment.replace(tzinfo=UTC)
    written = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    for value in (written, Decimal(microseconds).scaleb(-3)):
        assert datetime.fromisoformat(fit("timestamptz", value)) == moment
        assert datetime.fromisoformat(fit("timestamp", value)).replace(tzinfo=UTC) == moment


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS))
def test_any_number_and_any_text_is_a_time_or_refused(value: float | str) -> None:
    """Nothing else is raised."""
    for keys in ({}, {"round": True}, {"epoch": "s"}):
        for kind in ("date", "timestamp", "timestamptz"):
            text, why = outcome(kind, value, **keys)
            assert why in REASONS if text is None else datetime.fromisoformat(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_real_is_the_nearest_that_the_column_holds(value: float) -> None:
    """It is refused where there is none, and never becomes 0 or infinite unseen."""
    found, why = outcome("real", value)
    if why:
        assert why == "out_of_range"
        return
    assert found == struct.unpack("<f", struct.pack("<f", value))[0]
    assert math.isfinite(found)
    assert (found == 0) == (value == 0)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON.filter(lambda value: value is not None))
def test_a_super_is_the_value_itself(value: Any) -> None:
    """Booleans stay booleans, and texts texts."""
    found = json.loads(bytes(fit("super", value)))
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a" : 1.10, "b":[-0, 1E+05, 0.1234567890123456789]}',
        '["e400", "\\\\u0000", "' + "9" * 60 + '", 1e308, ' + "9" * 38 + ", 0." + "1" * 60 + "]",
        '"text"',
        "18446744073709551615",
    ],
)
def test_a_super_has_the_bytes_that_came(text: str) -> None:
    """Numbers, escapes and spaces are as they were written; what looks like a great number inside a text is none."""
    assert bytes(fit("super", Raw(text))) == text.encode()


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,4})?", fullmatch=True))
def test_any_number_as_it_was_written_is_taken_exactly_or_refused(text: str) -> None:
    """By every type; what is taken has the same value, and in a text the same digits."""
    assert fit("varchar(99)", Raw(text)) == text
    for kind in ("smallint", "bigint", "decimal(38,10)"):
        found, why = outcome(kind, Raw(text))
        assert Fraction(Decimal(found)) == Fraction(Decimal(text)) if not why else why in REASONS
    for kind in ("double precision", "real", "timestamp", "date", "super"):
        found, why = outcome(kind, Raw(text))
        assert why in REASONS if found is None else not why


def test_a_super_may_be_longer_than_each_of_its_texts() -> None:
    """The limit is for one text, not for the value; a backslash before u0000 is no NUL."""
    texts = ["x" * MOST_SUPER_TEXT, "y" * MOST_SUPER_TEXT, "\\u0000"]
    assert json.loads(bytes(fit("super", texts))) == texts


@given(JSON.filter(lambda value: value is not None))
def test_no_type_raises_anything_else(value: Any) -> None:
    """A value nobody thought of is refused, and its reason known."""
    texts = ("varchar(9)", "char(9)", "super")
    for kind in (*texts, "smallint", "decimal(9,2)", "real", "double precision", "boolean", "date"):
        found, why = outcome(kind, value)
        assert why in REASONS if found is None else not why
