"""Tries work in a subprocess, and says how that ended: what kills it does not kill the process that asks."""

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

LIMIT_S = 60.0
ROOM_BYTES = 1 << 30

# What a process does to itself. SIGKILL and SIGTERM come from outside: the kernel short of memory, an operator, a host
# that shuts down. So they are no evidence, nor is any other signal.
_OWN_DEATHS = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
_SURVIVED = b"survived"
_DIED = 70
_PR_SET_PDEATHSIG = 1


class End(Enum):
    """How a subprocess ended: `OUTSIDE` and `HUNG` say nothing about what it tried."""

    SURVIVED = "survived"
    DIED = "died"
    OUTSIDE = "outside"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a subprocess ended, and by what: a signal's or an exception's name, never its text."""

    end: End
    how: str


def try_apart(work: Callable[[], object], limit_s: float = LIMIT_S, room_bytes: int = ROOM_BYTES) -> Ending:
    """Do the work in a copy of this process, and say how that ended. The work's result is lost.

    The copy may take `room_bytes` more memory than this process has, and `limit_s` seconds. It writes nothing, and goes
    when this process goes: until then it would hold this process's pipes open.
    """
    readable, writable = os.pipe()
    parent, libc = os.getpid(), ctypes.CDLL(None)
    pid = os.fork()
    if not pid:
        _copy(work, writable, lambda: _confine(parent, libc, limit_s, room_bytes))
    os.close(writable)
    said: bytes | None = None
    try:
        said = _until_closed(readable, limit_s)
    finally:
        alive.beat()  # a copy may take its time, and this process waits for it
        if said is None:
            os.kill(pid, signal.SIGKILL)
        os.close(readable)
        _, status = os.waitpid(pid, 0)
    if said is None:
        return Ending(End.HUNG, f"no end within {limit_s:g} s")
    return _ending(status, said)


def _ending(status: int, said: bytes) -> Ending:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if -code == signal.SIGALRM:
            return Ending(End.HUNG, "its time was over")
        return Ending(End.DIED if -code in _OWN_DEATHS else End.OUTSIDE, name)
    if code == 0 and said == _SURVIVED:
        return Ending(End.SURVIVED, "")
    return Ending(End.DIED, said.decode("ascii", "replace") if said and code else f"exit {code}")


def _until_closed(readable: int, limit_s: float) -> bytes | None:
    """Wait until the copy has ended, with the few bytes that it said; None if it has not."""
    poller = select.poll()
    poller.register(readable, select.POLLIN)
    until, said = time.monotonic() + limit_s, b""
    while poller.poll(max(0.0, until - time.monotonic()) * 1000):
        read = os.read(readable, 200)
        if not read:
            return said
        said += read
    return None


def _copy(work: Callable[[], object], writable: int, confine: Callable[[], None]) -> NoReturn:
    """Be the copy. Nothing may leave it but by `os._exit`: everything else belongs to the process that asks."""
    code = _DIED
    try:
        try:
            confine()
        except BaseException:  # noqa: BLE001 - it has tried nothing yet, so it must not end as if it had
            os.kill(os.getpid(), signal.SIGKILL)
        work()
        os.write(writable, _SURVIVED)
        code = 0
    except BaseException as fault:  # noqa: BLE001 - whatever ends it is what is asked for
        os.write(writable, type(fault).__name__.encode("ascii", "replace")[:100])
    finally:
        os._exit(code)


def _confine(parent: int, libc: ctypes.CDLL, limit_s: float, room_bytes: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # a library that dies says why, and may quote the record
        os.dup2(nothing, descriptor)
    sys.stdout = sys.stderr = os.fdopen(nothing, "w", encoding="utf-8")  # wherever they led
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, *_OWN_DEATHS):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(AttributeError):  # Linux alone has it; elsewhere the alarm comes
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    signal.setitimer(signal.ITIMER_REAL, limit_s + 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the records
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")  # where memory is short, this one goes first
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _size_bytes() + room_bytes
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _size_bytes() -> int:
    """Say how much address space this process has."""
    statm = Path("/proc/self/statm").read_bytes()
    return int(statm.split()[0]) * resource.getpagesize()
