"""CPU time and memory of other processes, from the kernel's own accounts."""

import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_KIB = 1024
_CPUCLOCK_SCHED = 2
_PID_SHIFT = 3


def process_s(pid: int) -> float:
    """Give the CPU seconds of all threads of a process, ended ones too, to the nanosecond.

    The clock's number is made as clock_getcpuclockid(3) makes it: /proc/PID/stat counts ticks of
    10 ms, too coarse for a round of a few tenths of a second.

    Raises:
        OSError: there is no such process.

    """
    return time.clock_gettime((~pid << _PID_SHIFT) | _CPUCLOCK_SCHED)


def tree(root: int) -> Iterator[int]:
    """Give the process and all that descend from it."""
    yield root
    try:
        children = [
            int(child)
            for thread in (_PROC / str(root) / "task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except OSError:  # the process ended meanwhile
        return
    for child in children:
        yield from tree(child)


def by_process(root: int) -> dict[int, float]:
    """Give the CPU seconds of each process of a tree."""
    seconds = {}
    for pid in tree(root):
        try:
            seconds[pid] = process_s(pid)
        except OSError:  # the process ended meanwhile
            continue
    return seconds


def resident_mib(pid: int) -> float:
    """Give the resident memory of a process, in MiB."""
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Give the most that was ever resident, in MiB. Unlike ru_maxrss it does not inherit the parent's."""
    return _status_mib(pid, "VmHWM")


def _status_mib(pid: int, field: str) -> float:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / _KIB
    message = f"process {pid} has no {field}: it has ended"
    raise RuntimeError(message)
