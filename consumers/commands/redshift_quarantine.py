"""``kinesis-fleet redshift-quarantine``: the staged objects that COPY refuses, and what becomes of them."""

import secrets
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.redshift.database import Database, Unsure
from consumers.redshift.ledger import forgetting, quarantined
from consumers.redshift.names import Names
from consumers.redshift.opening import database_of, insist_on_redshift, names_of
from consumers.redshift.transaction import Step, locked
from consumers.registry import CONSUMERS

_AT_ONCE = 100
EPILOG = """\b
Examples:
  kinesis-fleet redshift-quarantine list redshift_stage.properties
  kinesis-fleet redshift-quarantine retry redshift_stage.properties
  kinesis-fleet redshift-quarantine retry --key staged/dt=.../x.lines.gz redshift_stage.properties

\b
Exit codes: 0 done; 1 list: there are some; 2 wrong usage; 69 the database is away, or refuses; 78 the configuration
has faults.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """List the staged objects of FILE that COPY refuses, or let them wait again, once the cause is mended."""


@command.command("list", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
def list_(file: Path, *, as_json: bool) -> None:
    """Name the objects that are quarantined, and why."""
    settings = load(file, CONSUMERS)
    section = insist_on_redshift(settings)
    names = names_of(section)
    with closing(database_of(section)) as database:
        rows = database.ask(quarantined(names))
    for url, count, since, detail in rows:
        key = names.key(str(url))
        if as_json:
            click.echo(msgspec.json.encode({"object": key, "rows": count, "since": str(since), "detail": detail}))
        else:
            click.echo(f"{key}: {count:,} rows, since {since}: {detail}")
    raise SystemExit(1 if rows else 0)


@command.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this object; repeatable. Without it: all.")
def retry(file: Path, keys: tuple[str, ...]) -> None:
    """Let quarantined objects wait again: the next load takes them."""
    settings = load(file, CONSUMERS)
    section = insist_on_redshift(settings)
    names = names_of(section)
    with closing(database_of(section)) as database:
        chosen = [key for key in _standing(database, names) if not keys or key in keys]
        for at in range(0, len(chosen), _AT_ONCE):
            some = chosen[at : at + _AT_ONCE]
            _forget(database, names, some)
            for key in some:
                click.echo(f"{key} waits again")
    for key in sorted(set(keys) - set(chosen)):
        click.echo(f"{key} is not quarantined", err=True)
    raise SystemExit(2 if set(keys) - set(chosen) else 0)


def _standing(database: Database, names: Names) -> list[str]:
    return [names.key(str(row[0])) for row in database.ask(quarantined(names))]


def _forget(database: Database, names: Names, keys: Sequence[str]) -> None:
    """Delete the rows of quarantined objects. Where the answer was lost, the ledger says whether it is done."""
    try:
        database.transact((*locked(names), Step("ledger", forgetting(names, keys))), secrets.token_hex(16))
    except Unsure:
        database.transact(tuple(locked(names)), secrets.token_hex(16))  # the other transaction is over now
        if set(keys) & set(_standing(database, names)):
            raise
