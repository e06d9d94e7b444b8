"""Compares a table and its dead letters with what was put: each record has one outcome, and each row its values.

The producer knows which records are events, and their values. The audit does not use how the consumer makes rows.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import redshift_connector
from msgspec import field

from consumers.local.ledger import Ledger, sha256_of
from consumers.local.letters_audit import LetterAudit, LetteredVerdict
from consumers.local.matching import Place, written
from consumers.local.redshift.warehouse import CA_FILE, DATABASE, PASSWORD, USER
from consumers.local.simulator import Kind, Produced
from consumers.local.sink import Figures

_PAGE = 5_000
_MOST_TYPES = 10
_ROWS = (
    "SELECT shard, sequence_number, sub_sequence_number, event, session_id, event_at, playhead_ms, duration_ms "
    "FROM player_events"
)
_TYPES = f"SELECT event, COUNT(*) FROM player_events GROUP BY event ORDER BY 2 DESC, 1 LIMIT {_MOST_TYPES}"
_LOADS = (
    "SELECT COUNT(*), COUNT(DISTINCT load_id), MAX(EXTRACT(EPOCH FROM loaded_at - first_arrival)) "
    "FROM player_events_ledger WHERE status = 'loaded'"
)


class Said(NamedTuple):
    """The values of a row. Times are UTC milliseconds."""

    event: str
    session: str
    at_ms: int
    playhead_ms: float | None
    duration_ms: float | None


class TableVerdict(LetteredVerdict, kw_only=True):
    """The result of an audit."""

    rows: int = 0
    objects: int = 0
    loads: int = 0
    latest_seconds: float | None = None
    """The longest time from a record's arrival to its load, in seconds."""
    events: dict[str, int] = field(default_factory=dict)

    def figures(self) -> Iterator[Figures]:
        """Return the tables for people."""
        rows = [
            ("rows", f"{self.rows:,}"),
            *self.counts(),
            ("loaded", f"{self.objects:,} objects in {self.loads:,} transactions"),
        ]
        if self.latest_seconds is not None:
            rows.append(("from arrival to the table", f"{self.latest_seconds:,.0f} s at the most"))
        yield Figures("the table", [*rows, *self.repeats()])
        if self.reasons:
            yield Figures("its dead letters by reason", [(name, f"{count:,}") for name, count in self.reasons.items()])
        if self.events:
            yield Figures("events by type (SQL)", [(name, f"{count:,}") for name, count in self.events.items()])


class TableAudit(LetterAudit):
    """Reads the rows, compares the dead letters, and returns the verdict at the end."""

    def __init__(self, ledger: Ledger, stream: str, server: str) -> None:
        """Expect the entries of ``ledger``, which belong to ``stream``, in the table of the stand-in at ``server``."""
        self._server = server
        self._verdict = TableVerdict()
        super().__init__(ledger, stream, self._verdict)
        self._said: defaultdict[str, list[tuple[Place, Said]]] = defaultdict(list)

    def rows(self, look_on: Callable[[], None]) -> None:
        """Read all rows. Each must name a record that was put and is no garbage."""
        with closing(_connection(self._server)) as connection:
            cursor = connection.cursor()
            cursor.execute(_ROWS)
            while page := cursor.fetchmany(_PAGE):
                look_on()
                for row in page:
                    self._row(row)
            cursor.execute(_TYPES)
            self._verdict.events = {str(name): int(count) for name, count in cursor.fetchall()}
            cursor.execute(_LOADS)
            objects, loads, latest = cursor.fetchone()
            self._verdict.objects, self._verdict.loads = int(objects), int(loads)
            self._verdict.latest_seconds = None if latest is None else round(float(latest), 1)

    def values(self, produced: Iterable[Produced]) -> None:
        """Compare the rows' values with what was put. ``produced`` yields all of that again."""
        for one in produced:
            rows = self._said.pop(sha256_of(one.data), ())
            for place, said in rows:
                if said != _said_by(one):
                    self.alter(f"{written(place)} in the table")

    def finish(self) -> TableVerdict:
        """Count the records that were put and never seen."""
        self.close()
        for rows in self._said.values():
            for place, _ in rows:
                self.spoil(written(place), "no event of the run says what its row says")
        return self._verdict

    def _row(self, row: Sequence[Any]) -> None:
        shard, sequence, sub, event, session, at, playhead, duration = row
        self._verdict.rows += 1
        place: Place = (str(shard), int(sequence), int(sub))
        entry = self._matching.entry(place, "the table")
        if entry is None:
            return
        if entry.kind is Kind.GARBAGE:
            self.misplace(place, "garbage is a row")
            return
        at_ms = round(at.replace(tzinfo=UTC).timestamp() * 1000)
        self._said[entry.sha256].append((place, Said(event, session, at_ms, playhead, duration)))


def _said_by(produced: Produced) -> Said:
    data = produced.data
    if produced.kind is Kind.ESCAPED:
        data = data.replace(b"\\x22", b'"').replace(b"\\x5C", b"\\")
    event = msgspec.json.decode(data)
    return Said(event["event"], event["sessionId"], event["timestamp"], event["playhead"], event["duration"])


def _connection(server: str) -> Any:
    """Connect to the stand-in. The audit is a process of its own, so the variable affects nothing else."""
    where = urlsplit(server)
    os.environ["SSL_CERT_FILE"] = f"{where.path}/{CA_FILE}"
    try:
        return redshift_connector.connect(
            host=where.hostname, port=where.port, database=DATABASE, user=USER, password=PASSWORD, sslmode="verify-full"
        )
    finally:
        del os.environ["SSL_CERT_FILE"]
