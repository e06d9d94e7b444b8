"""Reports on stderr how far a long command is: on a terminal in one changing line, otherwise in a line now and then."""

import sys
import time

import click

from consumers.hours.times import hour_text
from consumers.letters.keys import Stored

_SAY_EACH_S = 10.0
_TERMINAL_EACH_S = 0.2


class Progress:
    """Counts objects, and reports the count."""

    def __init__(self, doing: str) -> None:
        """Start at zero. `doing` is a word such as `read`."""
        self._doing = doing
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (_TERMINAL_EACH_S if self._terminal else _SAY_EACH_S)
        self._shown = False
        self.objects = 0

    def __call__(self, stored: Stored) -> None:
        """Count one more object."""
        self.objects += 1
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (_TERMINAL_EACH_S if self._terminal else _SAY_EACH_S)
        done = f"{hour_text(stored.hour_ms)}: {self._doing} {self.objects:,} objects"
        click.echo(f"\r\x1b[K{done}" if self._terminal else done, err=True, nl=not self._terminal)
        self._shown = self._terminal

    def done(self) -> None:
        """Clear the terminal's line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
