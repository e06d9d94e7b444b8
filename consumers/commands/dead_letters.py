"""``kinesis-fleet dead-letters``: lists, shows, redrives and purges the records that a consumer rejected."""

import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import click
import msgspec

from consumers.config.settings import Settings, load
from consumers.hours.times import moment_text
from consumers.letters.choosing import Choice, choosing, milliseconds
from consumers.letters.clearing import Clearing, redriven
from consumers.letters.counts import Counting, Counts
from consumers.letters.keys import Stored
from consumers.letters.letter import Letter
from consumers.letters.opening import opened, redrive_of
from consumers.letters.permit import Permit
from consumers.letters.printing import print_counts
from consumers.letters.progress import Progress
from consumers.letters.reading import Reader
from consumers.letters.shown import shown
from consumers.letters.store import DeadLetters
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet dead-letters list index.properties
  kinesis-fleet dead-letters show --reason json_invalid --limit 5 index.properties | jq .text
  kinesis-fleet dead-letters redrive --from 2026-01-31T20 index.properties
  kinesis-fleet dead-letters purge --reason json_invalid --to 2026-01-31 --yes index.properties
  kinesis-fleet dead-letters let-through --for 1h index.properties
  kinesis-fleet dead-letters list s3_archive.properties   # the records it could not read

\b
Hours are UTC, by the record's arrival time, and both ends are included. Without --from and --to: all hours.
A record counts once, however many letters of its position are stored.

\b
Exit codes: 0 done; 1 redrive: some were rejected again, purge: nothing was removed without --yes; 2 wrong usage;
65 an object is damaged, the others are done; 69 S3 or the destination refuses; 78 the configuration has faults, or
belongs to a consumer without dead letters.
"""
EX_DATA = 65

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(epilog=EPILOG)
def command() -> None:
    """List, show, redrive and purge the dead letters of FILE: the records that its consumer rejected."""


@command.command("list", epilog=EPILOG)
@choosing
@_json
def list_(choice: Choice, *, as_json: bool) -> None:
    """Count the dead letters of FILE by hour, shard and reason."""
    counts = _count(_open(choice)[0], choice, choice.selection.holds)
    print_counts(counts, as_json=as_json)
    raise SystemExit(EX_DATA if counts.damaged else 0)


@command.command(epilog=EPILOG)
@choosing
@click.option("--position", "positions", multiple=True, metavar="SEQUENCE:SUB", help="Only this record. Repeatable.")
@click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="Print at most this many.")
def show(choice: Choice, positions: tuple[str, ...], limit: int | None) -> None:
    """Print the dead letters of FILE, one JSON object per line.

    The payload is base64, and also text if it is valid UTF-8.
    """
    choice = choice.only(positions)
    letters, _ = _open(choice)
    reader = Reader(letters)
    found = filter(choice.selection.holds, reader.distinct(_entries(letters, choice)))
    terminal = sys.stdout.isatty()
    try:
        for letter in islice(found, limit):
            click.echo(shown(letter, terminal=terminal))
    except BrokenPipeError:  # as in `| head`
        sys.stderr.close()
        return
    _end(reader)


@command.command(epilog=EPILOG)
@choosing
@click.option("--dry-run", is_flag=True, help="Count the letters that would be redriven; redrive none.")
@_json
def redrive(choice: Choice, *, dry_run: bool, as_json: bool) -> None:
    """Process the dead letters of FILE again, and remove those that pass.

    It may be interrupted and repeated. A record that ended a process (kills_process) is redriven only if --reason names
    it, because it may end this command too.
    """
    letters, settings = _open(choice)
    put_through = redrive_of(settings, CONSUMERS[settings.consumer])

    def wanted(letter: Letter) -> bool:
        return redriven(choice.selection, settings.stream, letter)

    if dry_run:
        counts = _count(letters, choice, wanted)
        print_counts(counts, as_json=as_json)
        raise SystemExit(EX_DATA if counts.damaged else 0)
    reader, progress = Reader(letters), Progress("put through")
    clearing = Clearing(letters, reader, _entries(letters, choice), progress)
    try:
        clearing.redrive(put_through, wanted)
    finally:
        progress.done()
        tally = clearing.tally
        sums = {"objects": tally.objects, "passed": tally.passed, "rejectedAgain": tally.again}
        words = f"{tally.passed:,} letters passed, {tally.again:,} were rejected again; {tally.objects:,} objects"
        click.echo(msgspec.json.encode(sums) if as_json else words)
    _end(reader)
    raise SystemExit(1 if tally.again else 0)


@command.command(epilog=EPILOG)
@choosing
@click.option("--yes", is_flag=True, help="Remove them. Without --yes, only show what would be removed.")
@_json
def purge(choice: Choice, *, yes: bool, as_json: bool) -> None:
    """Remove dead letters of FILE for good. Their records are then delivered nowhere."""
    letters, _ = _open(choice)
    if not yes:
        print_counts(_count(letters, choice, choice.selection.holds), as_json=as_json)
        click.echo("Nothing was removed. Give --yes to remove these", err=True)
        raise SystemExit(1)
    reader, progress = Reader(letters), Progress("removed")
    clearing = Clearing(letters, reader, _entries(letters, choice), progress)
    try:
        clearing.purge(choice.selection)
    finally:
        progress.done()
        tally = clearing.tally
        counted = {"letters": tally.removed} if choice.selection.reasons else {}  # whole objects are not read
        words = "".join(f"{number:,} {name} of " for name, number in counted.items()) + f"{tally.objects:,} objects"
        click.echo(msgspec.json.encode({"objects": tally.objects, **counted}) if as_json else f"removed {words}")
    _end(reader)


@command.command("let-through", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--for", "duration", required=True, metavar="TIME", help="Duration: 30m, 1h, up to 24h. 0m ends it.")
@click.option(
    "--stuck", is_flag=True, help="Also reject records that the destination never accepts while it accepts others."
)
def let_through(file: Path, duration: str, *, stuck: bool) -> None:
    """Let FILE's consumer reject any number of records for a limited time, so that it continues after a pause."""
    for_ms = milliseconds(duration)
    settings = load(file, CONSUMERS)
    _, store = opened(settings, CONSUMERS[settings.consumer])
    until_ms = Permit(store, settings.application).grant(for_ms, stuck=stuck)
    what = f"let through until {moment_text(until_ms)}" if for_ms else "let through no longer"
    click.echo(f"{settings.application}: rejected records are {what}")


def _open(choice: Choice) -> tuple[DeadLetters, Settings]:
    settings = load(choice.file, CONSUMERS)
    return opened(settings, CONSUMERS[settings.consumer])[0], settings


def _entries(letters: DeadLetters, choice: Choice) -> Iterable[Stored]:
    return filter(choice.selection.may_hold, letters.entries(choice.first_ms, choice.last_ms))


def _count(letters: DeadLetters, choice: Choice, wanted: Callable[[Letter], bool]) -> Counts:
    reader, counting, progress = Reader(letters), Counting(), Progress("read")

    def told() -> Iterable[Stored]:
        for stored in _entries(letters, choice):
            progress(stored)
            yield stored

    counting.add(filter(wanted, reader.distinct(told())))
    progress.done()
    return counting.counts(progress.objects, reader.damaged, letters.now_ms())


def _end(reader: Reader) -> None:
    for fault in reader.damaged:
        click.echo(fault, err=True)
    if reader.damaged:
        raise SystemExit(EX_DATA)
