"""What a run's end looks like to a person."""

import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from consumers.local.auditing import holds_records
from consumers.local.demo import Outcome

_MIB = 1024 * 1024
_PROGRAM = "kinesis-fleet"


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print the verdict and the figures behind it."""
    verdict = outcome.verdict
    rows = (
        ("records put", f"{verdict.put:,}"),
        ("records archived", f"{verdict.archived:,}"),
        ("lost", f"{verdict.lost:,}"),
        ("duplicated", f"{verdict.duplicated:,}"),
        ("altered", f"{verdict.altered:,}"),
        ("unexpected", f"{verdict.unexpected:,}"),
        ("objects", f"{verdict.objects:,}"),
        ("payload", f"{verdict.archived_bytes / _MIB:.1f} MiB"),
        ("stored", f"{verdict.object_bytes / _MIB:.1f} MiB, {verdict.compression_ratio:.1f} : 1"),
        ("drained", "yes" if outcome.drained else "no: the daemon had to be killed or failed"),
        ("time", f"{outcome.seconds:.0f} s, {outcome.put_seconds:.0f} s of it putting"),
        ("seed", str(outcome.seed)),
    )
    table = Table.grid(padding=(0, 2))
    for name, figure in rows:
        table.add_row(name, figure)
    if verdict.producer_repeats:
        table.add_row("put twice by a lost answer", f"{verdict.producer_repeats:,}")
    console.print(table, highlight=False)
    for fault in verdict.faults:
        console.print(fault, style="red", highlight=False, markup=False)
    console.print(_sentence(outcome), style="bold green" if outcome.good else "bold red")


def kept(directory: Path) -> str:
    """Say what a run has kept, and how to look at it."""
    objects = sorted(path for path in (directory / "objects").rglob("*") if holds_records(path.name))
    if not objects:
        return f"kept  {directory}: the logs are in {directory / 'logs'}"
    program = sys.argv[0] if Path(sys.argv[0]).name == _PROGRAM else _PROGRAM
    return f"kept  {directory}: try {program} cat {shlex.quote(str(objects[0]))}"


def _sentence(outcome: Outcome) -> str:
    if not outcome.good:
        return "FAILED: the archive differs from what was put, or the daemon did not drain."
    if not outcome.verdict.put:
        return "Nothing was put, nothing is archived."
    stopped = " before it was stopped" if outcome.interrupted else ""
    return f"PASSED: every record put{stopped} is archived exactly once, byte for byte."
