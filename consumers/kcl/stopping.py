"""The stop of a daemon: when it was asked for, and the end of work that takes longer than it allows.

A shard's process that waits for its destination cannot be told to stop: the pipe has one request at a time, and a
process manager sends SIGTERM to Java alone. So Java leaves a sign: the launcher's logging configuration writes KCL's
message about its end into a file beside the effective properties. A process that works on a message reads the file
twice a second. From the same message on Java counts the time after which it leaves, whatever KCL still waits for
(`java/fleet/Leave.java`). Source: `MultiLangDaemon.setupShutdownHook` of KCL 3.1.3; a test compares the words.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

SIGN = "stop"
"""The file's name. Java empties the file at each start."""
WORDS = b"will initiate shutdown"
"""The words that KCL logs when SIGTERM has come, or when it ends by itself."""

KCL_S = 4.0
"""The time in seconds that KCL needs for its own part of a stop.

Its loop runs once a second, and each step of a shard's end takes one run.
"""
AWAY_S = 1.0
"""The time in seconds for which a refused call is tried: an absent destination would not return during a stop."""
_LOOK_S = 0.5
_LAST_MS = 1000


class OutOfTime(BaseException):
    """The work in hand takes longer than a stop allows. No library may take it for a failed call."""


class Stop(Protocol):
    """Whether the daemon leaves, and how long the work in hand may then last."""

    def deadline(self) -> float | None:
        """Return the monotonic second at which the work must have ended; None while no stop was asked for."""
        ...

    def cutting(self, until: float | None = None) -> AbstractContextManager[None]:
        """Raise `OutOfTime` in the block, wherever it is, once the deadline or `until` has passed."""
        ...

    def whole(self) -> AbstractContextManager[None]:
        """Let a block within that one finish, such as an exchange with the daemon."""
        ...


class NoStop:
    """A stop that is never asked for."""

    def deadline(self) -> float | None:
        """Return None."""
        return None

    def cutting(self, until: float | None = None) -> AbstractContextManager[None]:  # noqa: ARG002 - as the protocol has it
        """Let the block finish."""
        return nullcontext()

    def whole(self) -> AbstractContextManager[None]:
        """Let the block finish."""
        return nullcontext()


class Sign:
    """The file, as a shard's process reads it."""

    def __init__(self, path: Path, time_s: float, clock: Callable[[], float]) -> None:
        """Set the file.

        After a stop was asked for, work may last for `time_s` seconds from that moment on.
        """
        self._path = path
        self._time_s = time_s
        self._clock = clock
        self._deadline: float | None = None

    def refused(self, since: float) -> float | None:
        """Return the monotonic second at which a call must have ended that is refused since `since`, or None."""
        deadline = self.deadline()
        return None if deadline is None else min(deadline, max(deadline - self._time_s, since) + AWAY_S)

    def deadline(self) -> float | None:
        """Return the monotonic second at which all work must have ended. Once there is one, it never changes."""
        if self._deadline is None:
            try:
                said = self._path.read_bytes()
                age_s = time.time() - self._path.stat().st_mtime
            except OSError:  # no file: a stop then comes only as a message
                return None
            if WORDS in said:
                # If the wall clock was set meanwhile, the time must not become longer, or be over before it began.
                self._deadline = self._clock() + self._time_s - min(max(age_s, 0.0), self._time_s)
        return self._deadline


class Alarm:
    """A `Stop` by the process's alarm clock, which also interrupts a call that hangs. Only for the main thread."""

    def __init__(
        self, sign: Sign, clock: Callable[[], float], refused_since: Callable[[], float | None] = lambda: None
    ) -> None:
        """Install the signal handler.

        `refused_since` returns the time since which the work in hand waits for a destination that refuses it.
        """
        self._sign = sign
        self._refused_since = refused_since
        self._clock = clock
        self._until: float | None = None
        self._armed = False
        signal.signal(signal.SIGALRM, self._rang)

    def deadline(self) -> float | None:
        """Return the deadline of the sign."""
        return self._sign.deadline()

    @contextmanager
    def cutting(self, until: float | None = None) -> Iterator[None]:
        """Read the sign while the block lasts, and raise `OutOfTime` in it once its time is over."""
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
    """Compute how many seconds the work in hand may last after a stop was asked for.

    KCL's own part follows, and must end within the grace. Where a shard is read faster than it is stored, as it is
    whenever a destination is away, KCL waits for its prefetching thread until `failoverTimeMillis` is over.
    """
    grace_s, failover_s = int(kcl["shutdownGraceMillis"]) / 1000, int(kcl["failoverTimeMillis"]) / 1000
    return min(flush_s, max(grace_s - failover_s - KCL_S, grace_s / 4))


def leave_ms(flush_s: float, kcl: Mapping[str, str]) -> tuple[int, int]:
    """Compute for how many milliseconds of a stop Java waits for the shards' processes, and for everything.

    The first ends after the flush time, or when KCL's own part should be over, if that is later. Both end before the
    grace does, so that KCL has no error to report.
    """
    all_ms = max(int(kcl["shutdownGraceMillis"]) - _LAST_MS, 0)
    children_s = max(flush_s - _LAST_MS / 1000, time_of(flush_s, kcl) + KCL_S)
    return min(int(children_s * 1000), all_ms), all_ms
