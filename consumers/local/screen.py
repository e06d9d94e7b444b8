"""Shows a run: live on a terminal, as an occasional line elsewhere, not at all for machines."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_PLAIN_EVERY_S = 5.0
_BAR_WIDTH = 40
_SHORTEST_S = 0.1


class Done(NamedTuple):
    """The number of records that are "archived", or another sink's word for it: put and checkpointed."""

    word: str
    records: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run. Counts are of records."""

    phase: str
    elapsed_s: float
    total: int
    put: int = 0
    done: Sequence[Done] = ()

    @property
    def of_total(self) -> str:
        """The number put, of the number to put."""
        return f"{self.put:,} of {self.total:,}"

    def lag(self, done: Done) -> int:
        """Return the number of records that wait for one destination."""
        return self.put - done.records


class Screen(Protocol):
    """The output for progress and remarks."""

    def show(self, progress: Progress) -> None:
        """Show the newest state. Called a few times a second."""

    def say(self, remark: str) -> None:
        """Show a line that stays."""


class Silent:
    """The screen for ``--json``."""

    def show(self, progress: Progress) -> None:
        """Show nothing."""

    def say(self, remark: str) -> None:
        """Show nothing."""


class Plain:
    """The screen for a log: one line for each phase, and further ones every few seconds."""

    def __init__(self, console: Console) -> None:
        """Write to ``console``."""
        self._console = console
        self._phase = ""
        self._next_s = 0.0

    def show(self, progress: Progress) -> None:
        """Write a line if one is due."""
        now_s = time.monotonic()
        if progress.phase == self._phase and now_s < self._next_s:
            return
        self._phase, self._next_s = progress.phase, now_s + _PLAIN_EVERY_S
        counts = [f"{progress.of_total} put"]
        if progress.put:
            counts += [f"{one.records:,} {one.word} (lag {progress.lag(one):,})" for one in progress.done]
        self._console.print(
            f"{progress.elapsed_s:5.1f}s  {progress.phase}: {', '.join(counts)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    def say(self, remark: str) -> None:
        """Write the remark."""
        self._console.print(remark, highlight=False, markup=False, soft_wrap=True)


class Lively:
    """The screen for a terminal, with progress bars."""

    def __init__(self, live: Live) -> None:
        """Draw into ``live``."""
        self._live = live
        self._first: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Draw the state."""
        if self._first is None and progress.put:
            self._first = progress
        self._live.update(_drawing(progress, _pace(self._first, progress)))

    def say(self, remark: str) -> None:
        """Print the remark above the bars."""
        self._live.console.print(escape(remark), highlight=False)


def _pace(first: Progress | None, now: Progress) -> str:
    """Return the mean rate since the first record was put, and the remaining time at that rate, as text."""
    if first is None or now.put in (first.put, now.total):
        return ""
    per_s = (now.put - first.put) / max(now.elapsed_s - first.elapsed_s, _SHORTEST_S)
    return f"   {per_s:,.0f}/s, {(now.total - now.put) / per_s:,.0f} s to put"


def _drawing(progress: Progress, pace: str) -> Group:
    bars = Table.grid(padding=(0, 2))
    rows = [("put", progress.put, progress.of_total)]
    rows += [(one.word, one.records, f"{one.records:,}, lag {progress.lag(one):,}") for one in progress.done]
    for name, count, figure in rows:
        bar = ProgressBar(total=max(1, progress.total), completed=count, width=_BAR_WIDTH)
        bars.add_row(name, bar, figure)
    numbers = f"{progress.elapsed_s:.0f} s{pace}"
    return Group(Text(progress.phase, style="bold"), bars, Text(numbers, style="dim"))


@contextmanager
def opened(console: Console, *, machine: bool) -> Iterator[Screen]:
    """Choose the screen that fits the console."""
    if machine:
        yield Silent()
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            yield Lively(live)
    else:
        yield Plain(console)
