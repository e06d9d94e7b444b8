"""When the daemon was asked to stop, and the end of what takes longer than it may then.

A shard's process that waits for its destination cannot be told to stop: the pipe has one request at a time, and a
process manager sends SIGTERM to Java alone. So Java leaves a sign: the launcher's logging configuration writes what KCL
says at its end into a file beside the effective properties. Whoever works on a message looks there twice a second. From
the same word on Java counts the time after which it leaves, whatever KCL still waits for (`java/fleet/Leave.java`).
Source: `MultiLangDaemon.setupShutdownHook` of KCL 3.1.3; a test compares the words.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

SIGN = "stop"
"""The file's name. Java empties it at each start."""
WORDS = b"will initiate shutdown"
"""What KCL says when SIGTERM has come, or when it ends by itself."""

KCL_S = 4.0
"""What KCL takes for its own part of a stop: its loop turns once a second, and each step of a shard's end is a turn."""
AWAY_S = 1.0
"""How long is tried what was refused: a destination that is away would not be back within a stop's time."""
_LOOK_S = 0.5
_LAST_MS = 1000


class OutOfTime(BaseException):
    """The work in hand lasts beyond what a stop leaves it. No library may take it for a failed call."""


class Stop(Protocol):
    """Whether the daemon leaves, and how long the work in hand may last then."""

    def deadline(self) -> float | None:
        """Give the monotonic second at which it must have ended; None while nobody has asked for a stop."""
        ...

    def cutting(self, until: float | None = None) -> AbstractContextManager[None]:
        """Raise `OutOfTime` in the block, wherever it is, once the deadline has passed, or `until` has."""
        ...

    def whole(self) -> AbstractContextManager[None]:
        """Leave a block within that one whole: an exchange with the daemon."""
        ...


class NoStop:
    """Nobody ever asks."""

    def deadline(self) -> float | None:
        """Know of none."""
        return None

    def cutting(self, until: float | None = None) -> AbstractContextManager[None]:  # noqa: ARG002 - as the protocol has it
        """Let it last."""
        return nullcontext()

    def whole(self) -> AbstractContextManager[None]:
        """Let it last."""
        return nullcontext()


class Sign:
    """The file, as a shard's process sees it."""

    def __init__(self, path: Path, time_s: float, clock: Callable[[], float]) -> None:
        """Look at `path`; work may last for `time_s` from the moment at which the stop was asked for."""
        self._path = path
        self._time_s = time_s
        self._clock = clock
        self._deadline: float | None = None

    def refused(self, since: float) -> float | None:
        """Give the monotonic second at which a call must have ended whose destination does not accept since then."""
        deadline = self.deadline()
        return None if deadline is None else min(deadline, max(deadline - self._time_s, since) + AWAY_S)

    def deadline(self) -> float | None:
        """Give the monotonic second at which all must have ended; it never changes once there is one."""
        if self._deadline is None:
            try:
                said = self._path.read_bytes()
                age_s = time.time() - self._path.stat().st_mtime
            except OSError:  # no sign: the stop then comes by message alone
                return None
            if WORDS in said:
                # A wall clock that was set meanwhile must not lengthen the time, or end it before it began.
                self._deadline = self._clock() + self._time_s - min(max(age_s, 0.0), self._time_s)
        return self._deadline


class Alarm:
    """A `Stop` by the process's alarm clock, which reaches also a call that hangs. It belongs to the main thread."""

    def __init__(
        self, sign: Sign, clock: Callable[[], float], refused_since: Callable[[], float | None] = lambda: None
    ) -> None:
        """Take the signal over. `refused_since` says since when the work in hand waits for who does not accept."""
        self._sign = sign
        self._refused_since = refused_since
        self._clock = clock
        self._until: float | None = None
        self._armed = False
        signal.signal(signal.SIGALRM, self._rang)

    def deadline(self) -> float | None:
        """Give what the sign gives."""
        return self._sign.deadline()

    @contextmanager
    def cutting(self, until: float | None = None) -> Iterator[None]:
        """Look at the sign while the block lasts, and raise `OutOfTime` in it once its time is over."""
        self._until, self._armed = until, True
        signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
        try:
            yield
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold the exception back while the block lasts."""
        armed, self._armed = self._armed, False
        try:
            yield
        finally:
            self._armed = armed

    def _rang(self, _number: int, _frame: object) -> None:
        if self._armed and self._over():
            raise OutOfTime

    def _over(self) -> bool:
        since = self._refused_since()
        stop = self._sign.deadline() if since is None else self._sign.refused(since)
        bounds = (self._until, stop)
        return any(bound is not None and self._clock() >= bound for bound in bounds)


def time_of(flush_s: float, kcl: Mapping[str, str]) -> float:
    """Say how long the work in hand may last once a stop was asked for.

    KCL's own part comes after it and must end within the grace. Where a shard is read faster than it is stored, as it
    is whenever a destination is away, KCL waits for the thread that reads ahead until `failoverTimeMillis` is over.
    """
    grace_s, failover_s = int(kcl["shutdownGraceMillis"]) / 1000, int(kcl["failoverTimeMillis"]) / 1000
    return min(flush_s, max(grace_s - failover_s - KCL_S, grace_s / 4))


def leave_ms(flush_s: float, kcl: Mapping[str, str]) -> tuple[int, int]:
    """Say for how many milliseconds of a stop Java waits for the processes of shards, and for all.

    The first ends within a flush's time, or when KCL's own part should be over, if that is later; both before the grace
    does, so that KCL has no error to report.
    """
    all_ms = max(int(kcl["shutdownGraceMillis"]) - _LAST_MS, 0)
    children_s = max(flush_s - _LAST_MS / 1000, time_of(flush_s, kcl) + KCL_S)
    return min(int(children_s * 1000), all_ms), all_ms
