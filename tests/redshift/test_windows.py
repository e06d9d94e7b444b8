"""The windows in which nothing is loaded."""

from datetime import UTC, datetime

import pytest

from consumers.redshift.windows import WrongWindow, closed_until, windows_of


def ms(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def closed(windows: str, now: str) -> str | None:
    until = closed_until(windows_of(windows), ms(now))
    assert until is None or until.tzinfo is UTC
    return f"{until:%d %H:%M}" if until else None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27 02:59:59.999", None),
        ("2026-11-27 03:00:00", "27 05:00"),
        ("2026-11-27 04:59:59.999", "27 05:00"),
        ("2026-11-27 05:00:00", None),
    ],
)
def test_a_window_begins_with_its_time_and_ends_before_its_end(now: str, until: str | None) -> None:
    """In UTC, to the millisecond."""
    assert closed("0 3 * * * for 2h", now) == until


def test_a_window_lasts_over_midnight_and_only_on_its_days() -> None:
    """The cron expression says when it begins, not where the clock has to stand."""
    assert closed("30 23 * * 5 for 90m", "2026-11-28 00:59:00") == "28 01:00"  # from Friday on
    assert closed("30 23 * * 5 for 90m", "2026-11-29 00:59:00") is None


def test_of_overlapping_windows_the_last_end_counts() -> None:
    """Whether two windows overlap, or one with itself."""
    assert closed("0 3 * * * for 2h; 30 4 * * * for 1h", "2026-11-27 04:45:00") == "27 05:30"
    assert closed("*/10 3 * * * for 1h", "2026-11-27 03:25:30") == "27 04:20"


@pytest.mark.parametrize("text", ["", " ; ", ";"])
def test_without_windows_it_may_always_load(text: str) -> None:
    """An empty key means none."""
    assert windows_of(text) == ()
    assert closed_until(windows_of(text), ms("2026-11-27 03:00:00")) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 3 * * *", "is no window. Write one such as 0 3 * * * for 2h"),
        ("0 3 * * for 2h", "is no window"),
        ("0 3 * * * for 2d", "is no window"),
        ("0 3 * * * for 2h 0 4 * * * for 1h", "is no window"),
        ("0 3 * * * for 0h", "lasts longer than a week, or not at all. Shorten it"),
        ("0 3 * * * for 169h", "lasts longer than a week"),
        ("61 3 * * * for 1h", "is no cron expression"),
        ("0 0 30 2 * for 1h", "is no cron expression"),
        ("0 3 * * * for 2h; nonsense", "'nonsense' is no window"),
    ],
)
def test_what_is_no_window_is_told_with_what_to_write(text: str, told: str) -> None:
    """Before anything runs."""
    with pytest.raises(WrongWindow) as raised:
        windows_of(text)
    assert told in str(raised.value)
