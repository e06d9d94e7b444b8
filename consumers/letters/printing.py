"""Prints counts of dead letters: as JSON, as a table on a terminal, or as plain lines."""

import sys

import click
import msgspec

from consumers.letters.counts import Counts


def print_counts(counts: Counts, *, as_json: bool) -> None:
    """Print the counts on stdout. Damaged objects go to stderr, or into the JSON."""
    if as_json:
        click.echo(msgspec.json.encode(counts))
        return
    if sys.stdout.isatty():
        _table(counts)
    else:
        for one in counts.groups:
            click.echo(f"{one.hour}  {one.shard}  {one.reason:<24}  {one.letters:,}")
    for damaged in counts.damaged:
        click.echo(damaged, err=True)
    oldest = f"; the oldest arrived {counts.oldest}, {counts.oldest_age_seconds or 0:,} s ago" if counts.oldest else ""
    click.echo(f"{counts.letters:,} dead letters in {counts.objects:,} objects{oldest}")


def _table(counts: Counts) -> None:
    from rich.console import Console  # noqa: PLC0415 - imported for a terminal only
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("hour (UTC)", "shard", "reason", "letters")
    table.columns[3].justify = "right"
    for one in counts.groups:
        table.add_row(one.hour, one.shard, Text(one.reason), f"{one.letters:,}")
    Console().print(table)
