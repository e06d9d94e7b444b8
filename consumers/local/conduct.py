"""Runs a demonstration from the command line: signals, directories, messages, exit code."""

import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from consumers.local.demo import Demo, Outcome, Stopped
from consumers.local.fleet import Broken
from consumers.local.place import Place
from consumers.local.plan import Plan
from consumers.local.report import kept, print_outcome
from consumers.local.screen import Screen, opened
from consumers.local.sink import Sink
from consumers.local.steps import Slow

PASSED, FAILED, AT_ONCE = 0, 1, 130


def conduct(plan: Plan, sinks: Sequence[Sink], keep: Path | None, *, machine: bool) -> int:
    """Run ``plan`` and print the result.

    Args:
        plan: what to do.
        sinks: the destinations, at least one.
        keep: directory that keeps the run's files; None keeps them only if the run fails.
        machine: print one JSON document instead of text.

    Returns:
        The exit code.
    """
    console = Console(stderr=machine)
    # A socket's path must be short, so the socket is never in a directory that the user chose.
    scratch = Path(tempfile.mkdtemp(prefix="kinesis-fleet-"))
    place = Place((keep or scratch).resolve(), scratch / "control.sock")
    code = FAILED
    try:
        code = _conduct(plan, sinks, place, console, keep=keep is not None, machine=machine)
    finally:
        if keep is not None:
            console.print(kept(keep), highlight=False, markup=False, soft_wrap=True)
        elif code == FAILED:
            console.print(f"Logs: {place.logs}", highlight=False, markup=False, soft_wrap=True)
        if code != FAILED or keep is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return code


def _conduct(  # noqa: PLR0913 - all choices of a run
    plan: Plan, sinks: Sequence[Sink], place: Place, console: Console, *, keep: bool, machine: bool
) -> int:
    stop = threading.Event()
    try:
        with opened(console, machine=machine) as screen, _interruptible(stop, screen):
            screen.say(f"seed {plan.seed}")
            outcome = Demo(plan, sinks, place, screen, stop).run(keep=keep)
    except Stopped:
        console.print("Stopped before anything was put.")
        return PASSED
    except KeyboardInterrupt:
        console.print("Ended at once: nothing was audited.")
        return AT_ONCE
    except Broken as fault:
        return _failed(console, str(fault), fault.tail)
    except (Slow, BotoCoreError, ClientError, OSError) as fault:
        return _failed(console, f"{type(fault).__name__}: {fault}", ())
    _tell(console, sinks, outcome, machine=machine)
    if not plan.embedded:
        console.print(_left_behind(plan, sinks), highlight=False, markup=False, soft_wrap=True)
    return PASSED if outcome.good else FAILED


def _tell(console: Console, sinks: Sequence[Sink], outcome: Outcome, *, machine: bool) -> None:
    if machine:
        document = msgspec.to_builtins(outcome) | {"good": outcome.good}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    else:
        print_outcome(console, sinks, outcome)


def _left_behind(plan: Plan, sinks: Sequence[Sink]) -> str:
    """Return a line about what a run outside the embedded AWS leaves there."""
    applications = [plan.application_of(sink.name) for sink in sinks]
    tables = [f"{name}{suffix}" for name in applications for suffix in ("", "-WorkerMetricStats", "-CoordinatorState")]
    return (
        f"Left there: the stream {plan.stream}, the objects under s3://{plan.bucket}/{plan.prefix}/, and the tables "
        f"{', '.join(tables[:-1])} and {tables[-1]}."
    )


def _failed(console: Console, message: str, tail: Sequence[str]) -> int:
    console.print(message, style="bold red", highlight=False, markup=False, soft_wrap=True)
    for line in tail:
        console.print(f"  {line}", style="dim", highlight=False, markup=False, soft_wrap=True)
    return FAILED


@contextmanager
def _interruptible(stop: threading.Event, screen: Screen) -> Iterator[None]:
    """Make the first SIGINT or SIGTERM set ``stop``, and the second raise KeyboardInterrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set():
            signal.signal(number, signal.SIG_IGN)  # a third one must not interrupt the clean-up
            raise KeyboardInterrupt
        stop.set()
        screen.say("Stopping: what was put is brought to its end and audited. Once more ends at once.")

    former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
