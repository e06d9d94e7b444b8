"""Tries work in a subprocess, and returns how that ended. What kills the subprocess does not kill the caller.

Work may have steps, and reports the end of each. Each step has the same bounds, in CPU time and by the clock: on a busy
host a step lasts longer, but does not use more CPU time.
"""

import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from consumers import alive

CPU_S = 30.0
LIMIT_S = 4 * CPU_S
ROOM_BYTES = 1 << 30
_BEAT_S = 0.25

# Signals by which a process ends itself. SIGKILL and SIGTERM come from outside: from a kernel short of memory, an
# operator, or a host that shuts down. So they are no evidence, nor is any other signal.
_OWN_DEATHS = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
_SURVIVED = b"survived"
_DONE = b"."
_DIED = 70
_PR_SET_PDEATHSIG = 1


class End(Enum):
    """How a subprocess ended. `OUTSIDE` and `HUNG` are no evidence about what it tried."""

    SURVIVED = "survived"
    DIED = "died"
    SLOW = "slow"
    OUTSIDE = "outside"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a subprocess ended, and the name of the signal or exception, never its text. `done` counts steps."""

    end: End
    how: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The bounds of a step, in seconds of CPU and by the clock, and of the additional memory of the subprocess."""

    cpu_s: float
    limit_s: float
    room_bytes: int

    def begin(self) -> None:
        """Reset both timers for the next step."""
        signal.setitimer(signal.ITIMER_PROF, self.cpu_s)
        signal.setitimer(signal.ITIMER_REAL, self.limit_s + 1)


_step: Callable[[], None] | None = None  # set in a forked subprocess


def step() -> None:
    """Report that a step of the work is done, and the next begins. Outside of a trial it does nothing."""
    if _step is not None:
        _step()


def try_apart(
    work: Callable[[], object], limit_s: float = LIMIT_S, room_bytes: int = ROOM_BYTES, cpu_s: float = CPU_S
) -> Ending:
    """Do the work in a fork of this process, and return how that ended. The work's result is lost.

    The fork may take `room_bytes` more memory than this process has. Each of its steps may take `cpu_s` seconds of CPU
    time and `limit_s` seconds. It writes nothing, and is killed when this process ends, since otherwise it would hold
    this process's pipes open. This process gives signs of life while it waits.
    """
    bounds = _Bounds(cpu_s, limit_s, room_bytes)
    readable, writable = os.pipe()
    parent, libc = os.getpid(), ctypes.CDLL(None)
    pid = os.fork()
    if not pid:
        _copy(work, writable, lambda: _confine(parent, libc, writable, bounds))
    os.close(writable)
    said: bytes | None = None
    try:
        said = _until_closed(readable, limit_s)
    finally:
        if said is None:
            os.kill(pid, signal.SIGKILL)
        os.close(readable)
        _, status = os.waitpid(pid, 0)
    if said is None:
        return Ending(End.HUNG, f"no end within {limit_s:g} s")
    last = said.lstrip(_DONE)
    end, how = _ended(os.waitstatus_to_exitcode(status), last, cpu_s)
    return Ending(end, how, len(said) - len(last))


def _ended(code: int, said: bytes, cpu_s: float) -> tuple[End, str]:
    if code < 0:
        if -code == signal.SIGALRM:
            return End.HUNG, "its time was over"
        if -code == signal.SIGPROF:
            return End.SLOW, f"more than {cpu_s:g} s of CPU"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return (End.DIED if -code in _OWN_DEATHS else End.OUTSIDE), name
    if code == 0 and said == _SURVIVED:
        return End.SURVIVED, ""
    return End.DIED, said.decode("ascii", "replace") if said and code else f"exit {code}"


def _until_closed(readable: int, limit_s: float) -> bytes | None:
    """Wait until the fork has ended, and return the few bytes that it wrote; None if a step took too long."""
    poller = select.poll()
    poller.register(readable, select.POLLIN)
    until, said = time.monotonic() + limit_s, b""
    while time.monotonic() < until:
        alive.beat()  # the fork may take long, and this process waits for it
        if not poller.poll(min(_BEAT_S, limit_s) * 1000):
            continue
        read = os.read(readable, 1 << 16)
        if not read:
            return said
        said += read
        until = time.monotonic() + limit_s
    return None


def _copy(work: Callable[[], object], writable: int, confine: Callable[[], None]) -> NoReturn:
    """Run as the fork. It leaves only by `os._exit`: all other cleanup belongs to the parent."""
    code = _DIED
    try:
        try:
            confine()
        except BaseException:  # noqa: BLE001 - nothing was tried yet, so the end must not count as evidence
            os.kill(os.getpid(), signal.SIGKILL)
        work()
        os.write(writable, _SURVIVED)
        code = 0
    except BaseException as fault:  # noqa: BLE001 - whatever ends the work is the result
        os.write(writable, type(fault).__name__.encode("ascii", "replace")[:100])
    finally:
        os._exit(code)


def _confine(parent: int, libc: ctypes.CDLL, writable: int, bounds: _Bounds) -> None:
    global _step  # noqa: PLW0603 - a fork stays one until it ends
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # a library that dies prints why, and may quote the record
        os.dup2(nothing, descriptor)
    sys.stdout = sys.stderr = os.fdopen(nothing, "w", encoding="utf-8")  # wherever they led before
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPROF, *_OWN_DEATHS):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(AttributeError):  # only Linux has it; elsewhere the alarm ends the fork
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the records
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")  # killed first where memory is short
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _size_bytes() + bounds.room_bytes
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    def stepped() -> None:
        os.write(writable, _DONE)
        bounds.begin()

    _step = stepped
    bounds.begin()


def _size_bytes() -> int:
    """Return the size of this process's address space in bytes."""
    statm = Path("/proc/self/statm").read_bytes()
    return int(statm.split()[0]) * resource.getpagesize()
