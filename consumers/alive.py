"""The watchdog of a shard's process: it reports where the process hangs, and ends it.

After that the daemon leaves too, and the records are delivered again elsewhere.

The process counts as busy while it works on one message of the daemon. It is not stuck in three cases: it is idle, as
on a quiet stream; it waits for a destination, since each try gives a sign of life; or bytes move on its connections. A
destination may be slow, and one that moves nothing is given up by the time-outs of its own calls. One process serves
one shard, so the state is the module's.
"""

import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from consumers.moving import moved_bytes
from consumers.waiting import Log

EX_STUCK = 75
_LOOKS = 8  # checks within the limit: a process that is not scheduled for a while is not stuck
_MOST_FRAMES = 40

_since: float | None = None


@contextmanager
def busy() -> Iterator[None]:
    """Mark the process as busy with one message while the block runs."""
    global _since  # noqa: PLW0603 - as the module says
    _since = time.monotonic()
    try:
        yield
    finally:
        _since = None


def beat(within_s: float = 0.0) -> None:
    """Give a sign of life: the work goes on, or waits for something else.

    `within_s` is the time, in seconds, that a call which begins now may take by its own time-out. It extends the limit.
    """
    global _since  # noqa: PLW0603 - as the module says
    if _since is not None:
        _since = time.monotonic() + within_s


def watch(limit_s: float, log: Log) -> None:
    """Start the watchdog in a thread of its own.

    `limit_s` is the longest time in seconds without a sign of life; 0 means no limit. At half of it the stack is
    logged: files, line numbers and names, nothing else. Python's own watchdog (`faulthandler`) backs it up at twice the
    limit. It also ends a process whose threads are all blocked, as by a library that never releases the interpreter.
    """
    if limit_s > 0:
        main = threading.get_ident()
        threading.Thread(target=_look, args=(limit_s, log, main, moved_bytes()), daemon=True, name="alive").start()


def _look(limit_s: float, log: Log, main: int, moved: int) -> None:
    reported: float | None = None
    moved_at = 0.0
    while True:
        faulthandler.dump_traceback_later(2 * limit_s, exit=True)
        time.sleep(limit_s / _LOOKS)
        before, moved = moved, moved_bytes()
        if moved != before:
            moved_at = time.monotonic()
        since = _since
        if since is None:
            continue
        since = max(since, moved_at)
        stood_s = time.monotonic() - since
        if stood_s >= limit_s:
            _say(log, stood_s, main, "none: this process ends, and the records come again")
            sys.stderr.flush()
            os._exit(EX_STUCK)
        if stood_s >= limit_s / 2 and reported != since:
            reported = since
            _say(log, stood_s, main, f"none: it is ended after {limit_s:g} s; report it as a bug if it recurs")


def _say(log: Log, stood_s: float, main: int, remedy: str) -> None:
    frame = sys._current_frames().get(main)  # noqa: SLF001 - the one way to see another thread's stack
    stack = traceback.extract_stack(frame, _MOST_FRAMES) if frame else []
    where = [f"{one.filename}:{one.lineno} {one.name}" for one in stack]
    log.error("stuck", reason=f"no sign of life for {stood_s:.0f} s", where=where, remedy=remedy)
