"""Windows of time in which nothing is loaded: a cron expression in UTC, and a length. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronsim import CronSim, CronSimError

_WINDOW = re.compile(r"(?P<cron>\S+(\s+\S+){4})\s+for\s+(?P<count>\d{1,4})\s*(?P<unit>[mh])")
_UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
_LONGEST = timedelta(days=7)


class WrongWindow(ValueError):
    """The text is no window. The message says what to write."""


class Window(NamedTuple):
    """A window that begins at each time of the cron expression."""

    cron: str
    length: timedelta

    def ends(self, now: datetime) -> datetime | None:
        """Return when the window that is open now ends, or None if none is open."""
        next_minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        begun = next(CronSim(self.cron, next_minute, reverse=True), None)  # the last begin: windows may overlap
        return begun + self.length if begun and now < begun + self.length else None


def windows_of(text: str) -> tuple[Window, ...]:
    """Parse a list of windows, separated by semicolons.

    Raises:
        WrongWindow: one cannot be read.
    """
    return tuple(_window(part.strip()) for part in text.split(";") if part.strip())


def closed_until(windows: Sequence[Window], now_ms: int) -> datetime | None:
    """Return when loading may continue, or None if it may run now."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    return max((end for window in windows if (end := window.ends(now))), default=None)


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        message = (
            f"{text[:60]!r} is no window. Write one such as 0 3 * * * for 2h: a cron expression in UTC, and a length"
        )
        raise WrongWindow(message)
    length = int(found["count"]) * _UNIT[found["unit"]]
    if not timedelta() < length <= _LONGEST:
        message = f"{text[:60]!r} lasts longer than a week, or not at all. Shorten it"
        raise WrongWindow(message)
    try:
        CronSim(found["cron"], datetime.now(UTC))
    except CronSimError as fault:
        message = f"{found['cron'][:60]!r} is no cron expression ({fault}). Write minute hour day month weekday"
        raise WrongWindow(message) from fault
    return Window(found["cron"], length)
