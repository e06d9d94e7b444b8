"""``kinesis-fleet redshift-quarantine``: the staged objects that COPY refuses, and what becomes of them."""

import secrets
from contextlib import closing
from pathlib import Path

import click
import msgspec

from consumers.config.settings import load
from consumers.redshift.ledger import forgetting, quarantined
from consumers.redshift.opening import database_of, insist_on_redshift, names_of
from consumers.redshift.transaction import Step, locked
from consumers.registry import CONSUMERS

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
        standing = [names.key(str(row[0])) for row in database.ask(quarantined(names))]
        chosen = [key for key in standing if not keys or key in keys]
        for at in range(0, len(chosen), 100):
            steps = (*locked(names), Step("ledger", forgetting(names, chosen[at : at + 100])))
            database.transact(steps, secrets.token_hex(16))
    for key in chosen:
        click.echo(f"{key} waits again")
    for key in sorted(set(keys) - set(chosen)):
        click.echo(f"{key} is not quarantined", err=True)
    raise SystemExit(2 if set(keys) - set(chosen) else 0)
