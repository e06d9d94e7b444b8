"""Sees a shard's process that hangs, says where, and ends it: the daemon then leaves, and delivers again elsewhere.

Busy is a process that works on one message of the daemon. A quiet stream leaves it idle, and whoever waits for a
destination gives a sign of life at each try: neither is stuck. Nor is it while bytes move on its connections: a
destination may be slow, and one that moves nothing is given up by the time-outs of its own calls. One process is one
shard, so its state is the module's.
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
_LOOKS = 8  # within the limit; a process that is not scheduled for a while is not stuck
_MOST_FRAMES = 40

_since: float | None = None


@contextmanager
def busy() -> Iterator[None]:
    """Work on one message."""
    global _since  # noqa: PLW0603 - as the module says
    _since = time.monotonic()
    try:
        yield
    finally:
        _since = None


def beat(within_s: float = 0.0) -> None:
    """Give a sign of life: the work goes on, or waits for somebody else.

    `within_s`: the next one comes within so many seconds more, since a call begins that has a time-out of its own.
    """
    global _since  # noqa: PLW0603 - as the module says
    if _since is not None:
        _since = time.monotonic() + within_s


def watch(limit_s: float, log: Log) -> None:
    """Begin to look, from a thread of its own; `limit_s` without a sign of life is too long, and 0 is for ever.

    Halfway the stack is logged, by files, lines and names alone. Python's own dead man's switch stands behind it, for a
    process whose every thread is held up, as by a library that never gives the interpreter back.
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
