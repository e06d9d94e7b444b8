"""``kinesis-fleet redshift-quarantine``: lists the staged objects that COPY refuses, or retries them."""

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
Exit codes: 0 done; 1 list: there are quarantined objects; 2 wrong usage, or retry: an object of --key is not
quarantined; 69 the database is unavailable or refuses; 78 the configuration has faults.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """List the staged objects of FILE that COPY refuses, or retry them once the cause is fixed."""


@command.command("list", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(file: Path, *, as_json: bool) -> None:
    """List the quarantined objects, and why COPY refused each."""
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
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this object. Repeatable. Default: all.")
def retry(file: Path, keys: tuple[str, ...]) -> None:
    """Take objects out of quarantine. The next load tries them again."""
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
    """Delete the ledger rows of quarantined objects. If the answer to COMMIT was lost, check the ledger."""
    try:
        database.transact((*locked(names), Step("ledger", forgetting(names, keys))), secrets.token_hex(16))
    except Unsure:
        database.transact(tuple(locked(names)), secrets.token_hex(16))  # the other transaction has ended now
        if set(keys) & set(_standing(database, names)):
            raise
