"""``kinesis-fleet audit``: verifies from S3 alone that an archive is complete and unaltered."""

import sys
import time
from pathlib import Path

import click
import msgspec

from consumers.audit.aside import set_aside
from consumers.audit.audit import READERS, Audit, Span, Tally
from consumers.audit.finding import Finding
from consumers.audit.place import hours_given, hours_of, layouts_of, refuse_another, store_for
from consumers.audit.progress import Progress
from consumers.config.settings import load
from consumers.hours.hours import read_frontier
from consumers.hours.times import hour_of, hour_text
from consumers.letters.keys import aside_place
from consumers.records import HOUR_MS
from consumers.registry import CONSUMERS
from consumers.s3.store import S3Store

EPILOG = """\b
Examples:
  kinesis-fleet audit s3_archive.properties
  kinesis-fleet audit --from 2026-01-31 --to 2026-01-31T23 s3_archive.properties
  kinesis-fleet audit --quick --json s3_archive.properties | jq -c 'select(.kind)'

\b
Hours are UTC, and both ends are included. Without --from and --to, the audit covers the last 24 decided hours and all
earlier ones that no audit, on any host, has covered yet. The first audit covers all hours.
For each shard, the first object is compared with the one before the first hour (up to 31 days back), and the last
object with the one after the last hour.
Each finding is one line: its kind, the key, and details. With --json, each is a JSON object, and the last line has
the totals.
  missing     the manifest lists the object, and it is gone
  doubled     its records are in another object too
  altered, truncated   its bytes are not those that were written
  gap         two objects that should follow each other do not
  unlisted    the object is in a complete hour, and the manifest does not list it
  unreadable  its metadata is missing, damaged, or of another stream
  manifest    the hour's manifest or marker is missing or damaged
  declared    records are missing or may be, according to the hour's _INCOMPLETE or to an object

\b
If a shard's object before the first hour cannot be found, the shard is named, and the part before its first object
counts as unproven.
An undecided hour has no manifest: its objects are compared with each other, but its two ends are not checked.
Records that could not be read were set aside. They are in no object, and are reported as declared.
The audit stores how far it has got under _kinesis-fleet/. It writes nowhere else.

\b
Exit codes: 0 the archive is whole; 1 something was found, or there was nothing to verify; 2 wrong usage; 3 whole
except for what is declared or unproven: tell those who use these hours; 69 S3 refuses; 78 the configuration has
faults, or does not match this prefix.
"""
DECLARED = 3
_SAY_EACH_S = 10.0
_TERMINAL_EACH_S = 0.2


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "first", default="", metavar="HOUR", help="First hour (2026-01-31T23) or day.")
@click.option("--to", "last", default="", metavar="HOUR", help="Last hour or day.")
@click.option("--quick", is_flag=True, help="Compare the versions that S3 lists, without reading the objects.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(file: Path, first: str, last: str, *, quick: bool, as_json: bool) -> None:
    """Verify that the archive of FILE has no gap and no overlap, and that every object is as it was written."""
    settings = load(file, CONSUMERS)
    store, place = store_for(settings, READERS), hours_of(settings)
    layouts = layouts_of(store, place)
    refuse_another(store, place)
    frontier, _ = read_frontier(store, place)
    end_ms = frontier.next_ms if frontier else hour_of(store.now_ms()) + HOUR_MS
    progress = Progress(store, place)
    begin_ms = frontier.first_ms if frontier else end_ms
    first_ms, last_ms = hours_given(first, last, progress.hours_until(end_ms, begin_ms))
    decided = range(frontier.first_ms, frontier.next_ms) if frontier else range(0)
    span = Span(place.stream, layouts, first_ms, last_ms, decided, progress.ends_at(first_ms))
    audit = Audit(store, span, _json if as_json else _text, _Progress(first_ms, last_ms))
    tally = audit.run(read=not quick)
    for aside in set_aside(store, settings.application, settings.stream, first_ms, last_ms):
        audit.declare(aside_place(settings.application).root, aside)
    _sums(tally, store, span, as_json=as_json, quick=quick)
    if frontier and last_ms < frontier.next_ms and not _nothing(tally, span):
        progress.note(first_ms, last_ms, audit.ends, begin_ms)
    raise SystemExit(_code(tally, span))


def _code(tally: Tally, span: Span) -> int:
    if tally.findings or _nothing(tally, span):
        return 1
    return DECLARED if tally.declared or tally.unproven else 0


def _decided(span: Span) -> int:
    return sum(1 for hour_ms in range(span.first_ms, span.last_ms + 1, HOUR_MS) if hour_ms in span.decided)


def _nothing(tally: Tally, span: Span) -> bool:
    """Return whether there was nothing to verify, as with a wrong prefix, stream or hour."""
    return not tally.objects and not _decided(span)


def _text(finding: Finding) -> None:
    click.echo(f"{finding.kind:<10}  {finding.where}  {finding.detail}")


def _json(finding: Finding) -> None:
    click.echo(msgspec.json.encode(finding))


class _Progress:
    """Shows the progress on stderr: one line that is updated on a terminal, otherwise a new line every ten seconds."""

    def __init__(self, first_ms: int, last_ms: int) -> None:
        self._first_ms, self._hours = first_ms, (last_ms - first_ms) // HOUR_MS + 1
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._terminal else _SAY_EACH_S)

    def __call__(self, hour_ms: int, tally: Tally) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (_TERMINAL_EACH_S if self._terminal else _SAY_EACH_S)
        done = f"{hour_text(hour_ms)}: hour {tally.hours} of {self._hours}, {tally.objects:,} objects"
        click.echo(f"\r\x1b[K{done}" if self._terminal else done, err=True, nl=not self._terminal)


def _sums(tally: Tally, store: S3Store, span: Span, *, as_json: bool, quick: bool) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    hours = {"from": hour_text(span.first_ms), "to": hour_text(span.last_ms)}
    if as_json:
        sums = {
            "ok": _code(tally, span) == 0,
            **hours,
            "quick": quick,
            "decided": _decided(span),
            **msgspec.to_builtins(tally),
        }
        click.echo(msgspec.json.encode({**sums, "requests": dict(store.requests)}))
        return
    for shard in tally.unproven:
        click.echo(f"{shard}: its first object follows one that no audit knows, and that was not found before it")
    how = "listed" if quick else "read"
    requests = ", ".join(f"{count:,} {name}" for name, count in sorted(store.requests.items()))
    click.echo(
        f"{hours['from']} to {hours['to']}: {tally.objects:,} objects {how}, {tally.records:,} records, "
        f"{tally.bytes:,} bytes; {requests}"
    )
    click.echo(f"{_decided(span)} of {tally.hours} hours are decided")
    if _nothing(tally, span):
        click.echo("nothing was proven: no object stands here, and no hour is decided. Check the hours and the file")
    elif tally.findings:
        click.echo(f"NOT whole: {tally.findings} found")
    elif tally.declared:
        click.echo(f"whole but for what is declared: {len(tally.declared)} times, records are missing or may be")
    elif tally.unproven:
        click.echo("whole between these hours' ends; what stands before the first of them is not proven, as said above")
    else:
        click.echo("whole: nothing is missing, doubled or altered")
