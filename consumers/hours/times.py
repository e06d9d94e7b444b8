"""Hours as times and as texts. All are UTC, and an hour is identified by its first millisecond."""

from datetime import UTC, datetime

from consumers.records import HOUR_MS

_FORM = "%Y-%m-%dT%H"


def hour_of(ms: int) -> int:
    """Return the first millisecond of the hour in which a time lies."""
    return ms - ms % HOUR_MS


def hour_text(hour_ms: int) -> str:
    """Format an hour, such as 2026-01-31T23."""
    return datetime.fromtimestamp(hour_ms // 1000, UTC).strftime(_FORM)


def parse_hour(text: str) -> int:
    """Parse an hour.

    Raises:
        ValueError: it does not have the form of 2026-01-31T23.

    """
    return int(datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp()) * 1000


def moment_text(ms: int) -> str:
    """Format a time to the second, such as 2026-01-31T23:59:59Z."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
