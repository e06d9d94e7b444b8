"""A turn at what takes much memory: one process of a daemon at a time, so that a host holds one such peak."""

import ctypes
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from consumers.waiting import Log

MOST_WAIT_S = 60.0
_PAUSE_S = 0.05


class NoTurn:
    """Nobody else is there."""

    def take(self) -> None:
        """Have it at once."""

    def give_back(self) -> None:
        """Keep nothing."""


class Turn(NoTurn):
    """A lock on a file that all processes of the daemon know: the properties that it has written for them.

    It is opened for each turn. A lock belongs to an opened file, and a copy of this process would share one with it.
    """

    def __init__(self, path: Path, pause: Callable[[float], None], clock: Callable[[], float], log: Log) -> None:
        """Know the file. `pause` waits, and ends the process when the daemon is gone; `clock` is monotonic."""
        self._path = path
        self._pause = pause
        self._clock = clock
        self._log = log
        self._held: int | None = None

    def take(self) -> None:
        """Wait for it, unless it is held already; not for ever, as whoever has it may hang. It raises nothing."""
        if self._held is not None:
            return
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # somebody has tidied up: memory is not bounded then, and the shard goes on
            return
        self._held = descriptor
        until = self._clock() + MOST_WAIT_S
        while not _locked(descriptor):
            if self._clock() >= until:
                reason = f"a large record is judged beside another one: no turn came within {MOST_WAIT_S:g} s"
                self._log.warning("turn_not_waited_for", reason=reason, remedy="none; if it recurs, look at memory")
                return
            self._pause(_PAUSE_S)

    def give_back(self) -> None:
        """Let the next one, and give the system back what the turn has taken of it; nothing without a turn."""
        if self._held is None:
            return
        with suppress(AttributeError):  # glibc's; others give it back by themselves
            ctypes.CDLL(None).malloc_trim(0)
        descriptor, self._held = self._held, None
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
