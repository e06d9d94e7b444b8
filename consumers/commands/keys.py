"""``kinesis-fleet keys``: lists the keys of a consumer's properties file, from the consumer's own declaration."""

import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from consumers.config.declared import DeclaredKey, declared, reference
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet keys kafka_mirror
  kinesis-fleet keys --properties kafka_mirror > kafka_mirror.properties
  kinesis-fleet keys --json kafka_mirror | jq -r '.key'

\b
docs/configuration.md describes the keys that all consumers share.
Exit codes: 0 done; 2 wrong usage; 69 a library of the consumer is not installed.
"""


@click.command(epilog=EPILOG)
@click.argument("consumer", type=click.Choice(list(CONSUMERS)))
@click.option("--properties", "as_properties", is_flag=True, help="Print a properties file to start from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(consumer: str, *, as_properties: bool, as_json: bool) -> None:
    """List the keys of CONSUMER's own section, with accepted values and defaults."""
    found = CONSUMERS[consumer]
    if as_properties:
        click.echo(reference(found), nl=False)
        return
    for key in declared(found) if as_json or not sys.stdout.isatty() else ():
        click.echo(msgspec.json.encode(key) if as_json else _line(key))
    if sys.stdout.isatty() and not as_json:
        Console().print(_table(declared(found)))


def _line(key: DeclaredKey) -> str:
    return f"{key.key}  {_default(key)}  {key.accepts}. {key.remedy}."


def _table(keys: list[DeclaredKey]) -> Table:
    table = Table("key", "default", "takes", "what to give", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.key, _default(key), key.accepts, key.remedy)
    return table


def _default(key: DeclaredKey) -> str:
    return "required" if key.default is None else key.default or "none"
