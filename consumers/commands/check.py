"""``kinesis-fleet check``: lists all faults of a properties file at once."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from consumers.config.faults import Faults
from consumers.config.settings import load
from consumers.config.shown import Shown, shown
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet check s3_archive.properties
  kinesis-fleet check --json s3_archive.properties | jq .effective

\b
Exit codes: 0 no faults; 78 faults, each on standard error with its line, key and remedy.
The daemon runs the same check at each start.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(file: Path, *, as_json: bool) -> None:
    """Check FILE. This starts nothing and sends no request to AWS."""
    try:
        settings = load(file, CONSUMERS)
    except Faults as error:
        if as_json:
            faults = [msgspec.to_builtins(fault) for fault in error.faults]
            _print_json({"ok": False, "path": str(file), "faults": faults})
            raise SystemExit(error.exit_code) from error
        raise
    values = shown(settings, CONSUMERS, os.environ)
    if as_json:
        effective = {value.key: value.value for value in values}
        _print_json({"ok": True, "path": str(file), "effective": effective})
    elif sys.stdout.isatty():
        show(file, values)
    else:
        click.echo(f"{file}: ok")


def _print_json(result: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(result))


def show(file: Path, values: tuple[Shown, ...]) -> None:
    """Print a table of the ``values`` in effect and where each comes from."""
    from rich.console import Console  # noqa: PLC0415 - needed only on a terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("key", "value", "from", title=f"{file}: ok", title_justify="left")
    for value in values:
        # As text: square brackets in a value are not markup.
        table.add_row(value.key, Text(value.value), value.source)
    Console().print(table)
