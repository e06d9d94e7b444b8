"""The audit of the table: an exact one passes, and each way of being wrong is seen and named."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.letters.letter import Letter, LetterHead, letter_of
from consumers.local import redshift_verdict
from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.redshift_verdict import TableAudit, TableVerdict
from consumers.local.simulator import Kind, Produced, play
from consumers.records import Record

BASE = 59_840_575_911_564_161_544_688_297_237_453_061_673_126_407_733_581_447_266
STREAM, SHARD = "events", "shardId-000000000000"
SEED = 5
ARRIVAL_MS = 1_767_225_600_000
COUNTS = ("lost", "duplicated", "altered", "unexpected", "misplaced")


@dataclass
class Table:
    """Rows and dead letters, with the ledger of their records being put; and a driver's connection to it."""

    put: list[Produced] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    answers: list[Sequence[Any]] = field(default_factory=list)

    def add(self, ordinal: int, record: Produced) -> None:
        """Put a record, and give it the fate that its producer expects."""
        sequence, data = BASE + ordinal, record.data
        self.put.append(record)
        self.ledger.add(Entry(SHARD, sequence, sha256_of(data), len(data), record.partition_key, record.kind))
        if record.kind is Kind.GARBAGE:
            self.letters.append(letter(sequence, record.partition_key, data))
            return
        event = json.loads(data.replace(b"\\x22", b'"').replace(b"\\x5C", b"\\"))
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).replace(tzinfo=None)
        said = (event["event"], event["sessionId"], at, event["playhead"], event["duration"])
        self.rows.append((SHARD, str(sequence), 0, *said))

    def cursor(self) -> "Table":
        return self

    def close(self) -> None:
        pass

    def execute(self, query: str) -> None:
        if "COUNT(DISTINCT load_id)" in query:
            self.answers = [(3, 2, 7.04)]
        else:
            self.answers = [("init", 9)] if "GROUP BY" in query else list(self.rows)

    def fetchmany(self, count: int) -> list[Sequence[Any]]:
        page, self.answers = self.answers[:count], self.answers[count:]
        return page

    def fetchall(self) -> list[Sequence[Any]]:
        return self.answers

    def fetchone(self) -> Sequence[Any]:
        return self.answers[0]

    def audited(self, monkeypatch: pytest.MonkeyPatch) -> TableVerdict:
        """Give the verdict over what stands now."""
        monkeypatch.setattr(redshift_verdict, "_connection", lambda _: self)
        audit = TableAudit(self.ledger, STREAM, "redshift://localhost:1/home")
        audit.rows(lambda: None)
        audit.values(self.put)
        audit.letters(self.letters)
        return audit.finish()


def letter(sequence: int, key: str | None, data: bytes) -> Letter:
    """Make a dead letter."""
    head = LetterHead(STREAM, SHARD, "redshift_stage", "1", "a")
    return letter_of(head, Record(data, key, str(sequence), ARRIVAL_MS), "json_invalid", "")


@pytest.fixture
def table() -> Table:
    """Make an exact table of two hundred and fifty records of all kinds."""
    made, records = Table(), play(SEED)
    for ordinal in range(250):
        made.add(ordinal, next(records))
    return made


def test_an_exact_table_is_good(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of every kind are rows that say what was put, and garbage is dead letters."""
    verdict = table.audited(monkeypatch)
    assert verdict.good, verdict.faults
    assert (verdict.put, verdict.rows, verdict.dead_letters) == (250, 245, 5)
    assert (verdict.objects, verdict.loads, verdict.latest_seconds) == (3, 2, 7.0)
    text = str(list(verdict.figures()))
    assert "3 objects in 2 transactions" in text


def forgotten_row(table: Table) -> None:
    """Keep no row of an event."""
    table.rows.pop()


def forgotten_letter(table: Table) -> None:
    """Keep no dead letter of a rejected record."""
    table.letters.pop()


def row_twice(table: Table) -> None:
    """Load a row again."""
    table.rows.append(table.rows[7])


def row_of_nothing(table: Table) -> None:
    """Hold a row of a record that was never put."""
    table.rows.append((SHARD, str(BASE + 10**6), 0, *table.rows[0][3:]))


def other_value(table: Table) -> None:
    """Change a number in a row."""
    row = table.rows[9]
    table.rows[9] = (*row[:6], 12.5, row[7])


def swapped_values(table: Table) -> None:
    """Give a row what another event says."""
    table.rows[1], table.rows[90] = (*table.rows[1][:3], *table.rows[90][3:]), (*table.rows[90][:3], *table.rows[1][3:])


def garbage_row(table: Table) -> None:
    """Make a row of what is no event."""
    garbage = table.letters.pop()
    table.rows.append((SHARD, garbage.sequence, 0, *table.rows[0][3:]))


def event_letter(table: Table) -> None:
    """Reject an event."""
    row = table.rows.pop()
    record = table.put[int(row[1]) - BASE]
    table.letters.append(letter(int(row[1]), record.partition_key, record.data))


@pytest.mark.parametrize(
    ("harm", "counts"),
    [
        (forgotten_row, (1, 0, 0, 0, 0)),
        (forgotten_letter, (1, 0, 0, 0, 0)),
        (row_twice, (0, 1, 0, 0, 0)),
        (row_of_nothing, (0, 0, 0, 1, 0)),
        (other_value, (0, 0, 1, 0, 0)),
        (swapped_values, (0, 0, 2, 0, 0)),
        (garbage_row, (0, 0, 0, 0, 1)),
        (event_letter, (0, 0, 0, 0, 1)),
    ],
)
def test_each_harm_is_seen(
    table: Table, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Table], None], counts: tuple[int, ...]
) -> None:
    """One harm, one count, and words for it."""
    harm(table)
    verdict = table.audited(monkeypatch)
    assert not verdict.good
    assert tuple(getattr(verdict, name) for name in COUNTS) == counts
    assert verdict.faults
