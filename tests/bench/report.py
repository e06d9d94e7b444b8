"""What a benchmark found, against what was aimed at."""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. A figure with a limit is a target: it is met at the limit or below."""

    section: str
    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.limit is None else self.value <= self.limit


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the one table."""
    table = Table(title=f"kinesis-fleet benchmarks ({processor()})", title_justify="left")
    for heading, side in (("", "left"), ("figure", "left"), ("value", "right"), ("target", "right"), ("", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    table.add_column("note", overflow="fold")
    for figure in figures:
        target = "" if figure.limit is None else f"<= {figure.limit:g}"
        verdict = {None: "", True: "[green]pass[/]", False: "[red]FAIL[/]"}[figure.met]
        table.add_row(figure.section, figure.name, f"{figure.value:,.2f} {figure.unit}", target, verdict, figure.note)
    console.print(table)


def as_json(figures: Sequence[Figure]) -> str:
    """Give the figures for machines."""
    rows = [asdict(figure) | {"met": figure.met} for figure in figures]
    return json.dumps({"processor": processor(), "figures": rows}, indent=2)


def processor() -> str:
    """Name what the figures were measured on."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
