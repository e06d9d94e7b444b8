"""A subprocess tells how the work ended, whatever the work does, and nothing of it reaches this process."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.letters.trial import End, Ending, try_apart

SELF = os.getpid


def children() -> set[str]:
    """Name this process's own."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def segfault() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


def eat() -> None:
    """Take more memory than there is room for."""
    held = []
    while True:
        held.append(bytearray(64 << 20))


def recurse() -> None:
    """Call itself without an end."""
    recurse()


def hang_up() -> None:
    """Die of it, also where `nohup` has begun the tests and everything inherits that it is ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.kill(SELF(), signal.SIGHUP)


@pytest.mark.parametrize(
    ("work", "ending"),
    [
        (lambda: None, Ending(End.SURVIVED, "")),
        (segfault, Ending(End.DIED, "SIGSEGV")),
        (os.abort, Ending(End.DIED, "SIGABRT")),
        (lambda: os.kill(SELF(), signal.SIGFPE), Ending(End.DIED, "SIGFPE")),
        (lambda: os.kill(SELF(), signal.SIGILL), Ending(End.DIED, "SIGILL")),
        (lambda: os.kill(SELF(), signal.SIGBUS), Ending(End.DIED, "SIGBUS")),
        (eat, Ending(End.DIED, "MemoryError")),
        (recurse, Ending(End.DIED, "RecursionError")),
        (lambda: 1 / 0, Ending(End.DIED, "ZeroDivisionError")),
        (lambda: sys.exit(0), Ending(End.DIED, "SystemExit")),
        (lambda: os._exit(0), Ending(End.DIED, "exit 0")),
        (lambda: os._exit(3), Ending(End.DIED, "exit 3")),
        (lambda: os.kill(SELF(), signal.SIGKILL), Ending(End.OUTSIDE, "SIGKILL")),
        (lambda: os.kill(SELF(), signal.SIGTERM), Ending(End.OUTSIDE, "SIGTERM")),
        (hang_up, Ending(End.OUTSIDE, "SIGHUP")),
    ],
)
def test_endings(work: Callable[[], object], ending: Ending) -> None:
    """Each death of its own is told from one that comes from outside; a work that ends early has not survived."""
    assert try_apart(work, room_bytes=256 << 20) == ending


def test_what_hangs_is_ended() -> None:
    """In its time, and nothing of it is left."""
    before, began = children(), time.monotonic()
    assert try_apart(lambda: time.sleep(100), limit_s=0.2).end is End.HUNG
    assert time.monotonic() - began < 5
    assert children() == before


def test_it_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what the work prints, nor what is buffered here, nor the words of a library that dies."""
    sys.stdout.write("buffered")

    def loud() -> None:
        os.write(1, b"fd 1")
        os.write(2, b"fd 2")
        print("print", flush=True)
        raise ValueError("a record's data")

    assert try_apart(loud) == Ending(End.DIED, "ValueError")
    sys.stdout.flush()
    assert capfd.readouterr() == ("buffered", "")


def test_the_same_memory_is_there(tmp_path: Path) -> None:
    """What this process holds counts for nothing: only what the work takes in addition."""
    held = bytearray(300 << 20)
    assert try_apart(lambda: len(bytearray(100 << 20)), room_bytes=256 << 20).end is End.SURVIVED
    assert held


def test_signals_to_this_process_change_nothing() -> None:
    """One that is ignored here, as SIGTERM is in a shard's process, ends the subprocess, and is no evidence."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert try_apart(lambda: os.kill(SELF(), signal.SIGTERM)) == Ending(End.OUTSIDE, "SIGTERM")
    finally:
        signal.signal(signal.SIGTERM, before)


def test_many_at_once_and_no_descriptor_is_left() -> None:
    """A search takes dozens."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        try_apart(lambda: None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert threading.active_count() < 5


def test_it_goes_with_the_process_that_asks(tmp_path: Path) -> None:
    """A process that is killed leaves no copy behind, which would hold the daemon's pipe open."""
    code = (
        "import os, time\n"
        "from consumers.letters.trial import try_apart\n"
        "def work():\n"
        "    open('pid', 'w').write(str(os.getpid()))\n"
        "    os.rename('pid', 'ready')\n"
        "    time.sleep(100)\n"
        "try_apart(work)\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)})
    until = time.monotonic() + 20
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.01)  # another process's file
    handle = os.pidfd_open(int((tmp_path / "ready").read_text()))
    process.kill()
    process.wait()
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    assert poller.poll(5_000)
    os.close(handle)
