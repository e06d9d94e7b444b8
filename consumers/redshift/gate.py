"""Decides whether an hour of the table is complete, so that a report may rely on it.

`_SUCCESS` of the staged hour -> its manifest -> each object of it is loaded, and nothing of the hour waits
"""

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.store import ObjectStore
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Manifest
from consumers.hours.stored import RESTORE, decoded, note_at
from consumers.hours.times import hour_text
from consumers.records import HOUR_MS
from consumers.redshift.database import Database
from consumers.redshift.ledger import LOADED, Done, done, reading
from consumers.redshift.names import Names
from consumers.redshift.staged import StagedArea

_MOST_NAMED = 5


class HourGate(msgspec.Struct, frozen=True, rename="camel"):
    """The result for an hour. `rows` counts its loaded rows; `reasons` say why it is not complete."""

    hour: str
    complete: bool
    objects: int
    rows: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """Return the result as one line."""
        state = "complete" if self.complete else "not complete"
        return "  ".join((self.hour, state, f"{self.objects:,} objects, {self.rows:,} rows", *self.reasons))


def gate(store: ObjectStore, layout: Layout, database: Database, names: Names, hour_ms: int) -> HourGate:
    """Check one hour: its marker first, then what is staged, then the ledger.

    Raises:
        Unavailable: the bucket or the database is away, or a marker is damaged.
    """
    folder = layout.folder(hour_ms)
    success = note_at(store, f"{folder}{SUCCESS}")
    promised: set[str] = set()
    reasons = [] if success else [_undecided(store, folder)]
    if success:
        note = note_at(store, f"{folder}{LATE}") or success
        found = store.find(note.manifest)
        if found is None:
            reasons.append(f"{note.manifest}, the hour's manifest, is gone")
        else:
            manifest = decoded(found.body, Manifest, note.manifest, RESTORE)
            promised = {one.key for part in manifest.shards for one in part.objects if one.records}
    area = StagedArea(store, layout)
    staged = {entry.key for entry in area.of_hour(hour_ms)}
    ledger = done(names, database.ask(reading(names, hour_ms, hour_ms + HOUR_MS)))
    reasons += _missing(promised | staged, ledger)
    rows = sum(one.rows for one in ledger.values() if one.status == LOADED)
    return HourGate(hour_text(hour_ms), not reasons, len(ledger), rows, tuple(reasons))


def _missing(wanted: set[str], ledger: dict[str, Done]) -> list[str]:
    waiting = sorted(wanted - ledger.keys())
    refused = sorted(key for key, one in ledger.items() if one.status != LOADED)
    found = [(waiting, "not loaded"), (refused, "quarantined")]
    return [f"{len(keys):,} objects are {what}: {', '.join(keys[:_MOST_NAMED])}" for keys, what in found if keys]


def _undecided(store: ObjectStore, folder: str) -> str:
    note = note_at(store, f"{folder}{INCOMPLETE}")
    if note is None:
        return "the stage has not decided it yet: kinesis-fleet hours FILE says what it waits for"
    holes = "; ".join(map(str, note.holes[:_MOST_NAMED]))
    return f"records of it may be missing for good: {holes}"
