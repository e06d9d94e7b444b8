"""Prints the result of a run for people."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from consumers.local.archive_sink import OBJECTS, holds_records
from consumers.local.demo import Outcome
from consumers.local.sink import Figures, Sink

_PROGRAM = "kinesis-fleet"


def print_outcome(console: Console, sinks: Sequence[Sink], outcome: Outcome) -> None:
    """Print the verdict and the figures behind it."""
    _print(console, _run(outcome))
    for sink in sinks:
        for figures in outcome.sinks[sink.name].verdict.figures():
            _print(console, figures)
    for end in outcome.sinks.values():
        for fault in end.verdict.faults:
            console.print(fault, style="red", highlight=False, markup=False, soft_wrap=True)
    style = "bold green" if outcome.good else "bold red"
    console.print(_sentence(sinks, outcome), style=style, highlight=False, markup=False, soft_wrap=True)


def kept(directory: Path) -> str:
    """Return a line that says what a run has kept, and how to look at it."""
    objects = sorted(path for path in (directory / OBJECTS).rglob("*") if holds_records(path.name))
    if not objects:
        return f"kept  {directory}: the logs are in {directory / 'logs'}"
    program = sys.argv[0] if Path(sys.argv[0]).name == _PROGRAM else _PROGRAM
    return f"kept  {directory}: try {program} cat {shlex.quote(str(objects[0]))}"


def _run(outcome: Outcome) -> Figures:
    undrained = [name for name, end in outcome.sinks.items() if not end.drained]
    rows = [
        ("records put", f"{outcome.put:,}"),
        ("drained", f"no: {', '.join(undrained)} had to be killed or failed" if undrained else "yes"),
        ("time", f"{outcome.seconds:.0f} s, {outcome.put_seconds:.0f} s of it putting"),
        ("seed", str(outcome.seed)),
    ]
    return Figures("the run", rows)


def _print(console: Console, figures: Figures) -> None:
    table = Table.grid(padding=(0, 2))
    widest = max(len(name) for name, _ in figures.rows)
    table.add_column(min_width=widest, no_wrap=True)
    for name, figure in figures.rows:
        table.add_row(f"  {name}", figure)
    console.print(figures.title, style="bold", highlight=False, markup=False)
    console.print(table, highlight=False)


def _sentence(sinks: Sequence[Sink], outcome: Outcome) -> str:
    bad = [sink for sink in sinks if not outcome.sinks[sink.name].good]
    if bad:
        what = " and ".join(sink.place for sink in bad)
        return f"FAILED: {what}: it differs from what was put, or its daemon did not drain."
    if not outcome.put:
        return "Nothing was put, nothing is stored."
    stopped = " before it was stopped" if outcome.interrupted else ""
    return f"PASSED: every record put{stopped} {', and '.join(sink.claim for sink in sinks)}."
