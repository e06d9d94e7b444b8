"""``kinesis-fleet redshift-ddl``: prints or creates the tables, and upgrades them to a new table file."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.redshift.database import Refused
from consumers.redshift.ddl import creation, grants, script, steps
from consumers.redshift.opening import database_of, insist_on_redshift, names_of
from consumers.redshift.settings import table_of
from consumers.redshift.standing import standing
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet redshift-ddl redshift_stage.properties > tables.sql
  kinesis-fleet redshift-ddl --step redshift_stage.properties
  kinesis-fleet redshift-ddl --apply redshift_stage.properties

\b
To change the table: raise the version in the table file, run --apply, then restart redshift_stage. Objects that were
staged before are loaded with the columns of their own version. Columns can be added and varchar columns widened;
nothing else can change.
Exit codes: 0 done, or nothing to do; 1 --step: the table is behind the file; 2 wrong usage; 69 the database is
unavailable or refuses; 78 the configuration has faults, or the table cannot be upgraded in place.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--step", is_flag=True, help="Print what the existing table lacks; change nothing.")
@click.option("--apply", "applies", is_flag=True, help="Create what is missing. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the statements as one JSON object.")
def command(file: Path, *, step: bool, applies: bool, as_json: bool) -> None:
    """Print the SQL that creates the table of FILE, its lock, ledger and view, or run it."""
    settings = load(file, CONSUMERS)
    section = insist_on_redshift(settings)
    names, table = names_of(section), table_of(section)
    if step and applies:
        message = "--step changes nothing, and --apply does: give one of them"
        raise click.UsageError(message)
    if not step and not applies:
        idle = section.statement_timeout_seconds
        statements = [*creation(names, table), *grants(names, section.user or "loader", idle)]
        _print(statements, as_json=as_json)
        return
    with closing(database_of(section)) as database:
        lacking = list(steps(names, table, standing(database, names)))
        if step:
            _print(lacking, as_json=as_json)
            raise SystemExit(1 if lacking else 0)
        if not as_json and not lacking:
            click.echo(f"{names.target} is at version {table.version}")
        for statement in _each(lacking, as_json=as_json):
            try:
                database.alter(statement)
            except Refused as fault:
                message = f"the database refuses {statement.splitlines()[0]}: {fault}"
                raise click.ClickException(message) from fault
        if as_json:
            _print(lacking, as_json=True)


def _each(statements: list[str], *, as_json: bool) -> Iterator[str]:
    for statement in statements:
        if not as_json:
            click.echo(statement.splitlines()[0])
        yield statement


def _print(statements: list[str], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"statements": statements}))
    elif statements:
        click.echo(script(iter(statements)), nl=False)
