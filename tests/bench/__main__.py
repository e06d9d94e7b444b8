"""`python -m tests.bench`: run the benchmarks, print one table; exit 1 where a target is missed."""

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console

from tests.bench import child, index, memory, restart, table, tree
from tests.bench.report import Figure, Say, as_json, show

_WIDTH = 150
SECTIONS: dict[str, Callable[[Path, Say], Iterator[Figure]]] = {
    "child": child.run,
    "tree": tree.run,
    "memory": memory.run,
    "restart": restart.run,
    "index": index.run,
    "table": table.run,
}


@click.command()
@click.option("--only", default=",".join(SECTIONS), show_default=True, help="Sections to run, separated by commas.")
@click.option("--json", "machine", is_flag=True, help="Print JSON instead of the table.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep logs and settings in this directory.")
def main(only: str, machine: bool, keep: Path | None) -> None:
    """Measure the fleet against stock amazon_kclpy, Bento and the floor, and hold it to its targets."""
    names = only.split(",")
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown:
        message = f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        raise click.BadParameter(message)
    # So that a SIGTERM, too, ends what was started.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="kinesis-fleet-bench-") as temporary:
        directory = keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        figures = [figure for name in names for figure in SECTIONS[name](directory, progress.print)]
    if machine:
        click.echo(as_json(figures))
    else:
        show(figures, Console(width=_WIDTH))
    if any(figure.met is False for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
