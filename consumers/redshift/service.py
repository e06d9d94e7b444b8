"""Runs a loader once, or continuously, outside the windows in which nothing is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.redshift.loader import Bounds, Loader, Totals
from consumers.redshift.windows import Window, closed_until
from consumers.waiting import Patience

LONGEST_LOOK_S = 10.0


@dataclass(slots=True)
class Service:
    """A loader with its limits and windows, and its way of waiting."""

    loader: Loader
    bounds: Bounds
    windows: Sequence[Window]
    patience: Patience
    _said: str = ""

    @property
    def totals(self) -> Totals:
        """The totals of the loader."""
        return self.loader.totals

    def once(self, seconds: float) -> None:
        """Load all that waits.

        Raises:
            DeadlineReached: the database or the bucket was away for this many seconds.
        """
        deadline = self.patience.clock() + seconds
        if self._closed(deadline):
            return
        self.patience.until_done(lambda: self.loader.work(self.bounds, at_once=True), deadline)

    def follow(self) -> None:
        """Load what is due, again and again, until the process is ended."""
        while True:
            if not self._closed(None):
                self.patience.until_done(lambda: self.loader.work(self.bounds))
            self.patience.pause(min(LONGEST_LOOK_S, max(self.bounds.age_s / 2, 0.2)))

    def _closed(self, deadline: float | None) -> bool:
        if not self.windows:
            return False
        now_ms = self.patience.until_done(self.loader.now_ms, deadline)
        until = closed_until(self.windows, now_ms)
        said = f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else ""
        if said and said != self._said:
            self.patience.log.info("no_load_window", until=said)
        self._said = said
        return until is not None
