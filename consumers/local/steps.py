"""Slow steps, run concurrently in one thread: each is polled a few times a second."""

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

from consumers.local.fleet import Fleet
from consumers.local.sink import Look

T = TypeVar("T")

_LOOK_EVERY_S = 0.25

Step = Generator[str, None, T]
"""Yields what it waits for, and returns its result."""


class Slow(Exception):
    """A step did not end in time. The message says which log to read."""


def until(holds: Callable[[], bool], phase: str, limit_s: float, log: Path) -> Step[None]:
    """Wait until a condition holds.

    Raises:
        Slow: it did not hold within ``limit_s``; ``log`` may say why.
    """
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            message = f"{phase} took more than {limit_s:.0f} s; see {log}"
            raise Slow(message)
        yield phase


def together(steps: Sequence[Step[T]], fleet: Fleet, look: Look) -> list[T]:
    """Run all steps concurrently, and return their results.

    Raises:
        Broken: a program ended meanwhile.
        Slow: a step took too long.
    """
    results: dict[int, T] = {}
    try:
        while True:
            phases: dict[str, None] = {}
            for number, step in enumerate(steps):
                if number not in results:
                    try:
                        phases[next(step)] = None
                    except StopIteration as end:
                        results[number] = end.value
            if len(results) == len(steps):
                return [results[number] for number in range(len(steps))]
            look(", ".join(phases))
            fleet.check()
            time.sleep(_LOOK_EVERY_S)
    finally:
        for step in steps:
            step.close()
