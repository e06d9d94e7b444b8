"""A Redshift stand-in, a staging area filled by the consumer's own pipeline, and what a test asks of both."""

import gzip
import hashlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from consumers.config.consumer import ShardContext
from consumers.config.settings import Settings, load
from consumers.letters.letter import Letter
from consumers.letters.reading import Reader
from consumers.letters.settings import dead_letters, letter_store
from consumers.local.redshift.warehouse import Warehouse
from consumers.parts import Start
from consumers.records import HOUR_MS, Position, Record
from consumers.redshift.database import Database
from consumers.redshift.ddl import creation
from consumers.redshift.ledger import Done, done, reading
from consumers.redshift.loader import Bounds, Loader
from consumers.redshift.opening import database_of, loader_of, names_of
from consumers.redshift.report import Report, look, report
from consumers.redshift.settings import layout_of, store_of, table_of
from consumers.redshift.staged import StagedArea
from consumers.redshift_stage import REDSHIFT_STAGE
from consumers.registry import CONSUMERS
from consumers.waiting import Patience
from tests.support.archive import BUCKET
from tests.support.servers import Server

ARRIVED_MS = 1_764_500_000_000
WHOLE_HOUR_MS = ARRIVED_MS // HOUR_MS * HOUR_MS
FIRST_SEQUENCE = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
ALL = Bounds(files=200, bytes=1 << 40, age_s=0)
_DATABASES = itertools.count()

TABLE = """
version = 1
name = "events"
distkey = "session"
sortkey = ["arrived_at"]

[[columns]]
name = "shard"
from = "$shard"
type = "varchar(64)"
null = false

[[columns]]
name = "sequence_number"
from = "$sequence"
type = "varchar(64)"
null = false

[[columns]]
name = "arrived_at"
from = "$arrival"
type = "timestamp"
null = false

[[columns]]
name = "session"
type = "varchar(16)"
null = false

[[columns]]
name = "amount"
type = "bigint"
null = false
"""


@dataclass
class Heard:
    """A log that a test reads."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, "level": "info", **fields})

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, "level": "warning", **fields})

    def error(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, "level": "error", **fields})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


def event(number: int, amount: int | None = None) -> bytes:
    return msgspec.json.encode({"session": f"s{number % 97}", "amount": number if amount is None else amount})


def records(payloads: Sequence[bytes], first: int = 0, arrived_ms: int = ARRIVED_MS, step_ms: int = 1) -> list[Record]:
    """Make a run of one shard's records."""
    return [
        Record(payload, "key", str(FIRST_SEQUENCE + first + at), arrived_ms + (first + at) * step_ms)
        for at, payload in enumerate(payloads)
    ]


class Place:
    """One application's staging area and database, as its properties file says."""

    def __init__(self, aws: Server, house: Warehouse, folder: Path, table: str = TABLE, **keys: object) -> None:
        self.house = house
        self.s3 = aws.client("s3")
        self.database = f"t{next(_DATABASES)}_{random.randrange(1 << 30):x}"
        house.create(self.database)
        self.folder = folder
        secret = folder / "password"
        secret.touch(0o600)
        secret.write_text(house.password)
        (folder / "table.toml").write_text(table)
        self.keys: dict[str, object] = {
            "consumer": "redshift_stage",
            "streamName": "events",
            "applicationName": "events-redshift",
            "workerId": "worker-1",
            "regionName": "us-east-1",
            "kinesisEndpoint": aws.endpoint,
            "dynamoDBEndpoint": aws.endpoint,
            "redshift.bucket": BUCKET,
            "redshift.endpoint": aws.endpoint,
            "redshift.region": "us-east-1",
            "redshift.table": folder / "table.toml",
            "redshift.maxRecords": 1000,
            "redshift.host": house.host,
            "redshift.port": house.port,
            "redshift.database": self.database,
            "redshift.user": "rs",
            "redshift.auth": "password",
            "redshift.credentialFile": secret,
            "redshift.caFile": house.ca_file,
            "redshift.statementTimeoutSeconds": 5,
            "redshift.loadTimeoutSeconds": 20,
            "redshift.loadAgeSeconds": 0,
            "redshift.deadLetters.bucket": BUCKET,
            "redshift.deadLetters.endpoint": aws.endpoint,
            "redshift.deadLetters.region": "us-east-1",
            **keys,
        }
        self.file = folder / "redshift_stage.properties"
        self.heard = Heard()
        self.write()

    def write(self, **keys: object) -> Settings:
        """Write the file anew, with these keys changed; an empty text takes a key away."""
        self.keys |= {f"redshift.{key}": value for key, value in keys.items()}
        self.file.write_text("".join(f"{key} = {value}\n" for key, value in self.keys.items() if value != ""))
        self.settings = load(self.file, CONSUMERS)
        self.store = store_of(self.settings.section)
        self.names = names_of(self.settings.section)
        return self.settings

    def create(self) -> None:
        """Make the tables."""
        database = self.connect()
        for statement in creation(self.names, table_of(self.settings.section)):
            database.alter(statement)
        database.close()

    def staged(self) -> list[str]:
        """The keys of what is staged, in order."""
        return [entry.key for entry in StagedArea(self.store, layout_of(self.settings)).entries()]

    def spoil(self, key: str, line: bytes) -> None:
        """Make one line of a staged object another, as if the table file had let it pass."""
        found = self.s3.get_object(Bucket=BUCKET, Key=key)
        lines = gzip.decompress(found["Body"].read()).splitlines()
        lines[len(lines) // 2] = line
        body = gzip.compress(b"".join(one + b"\n" for one in lines), mtime=0)
        digest = hashlib.sha256(body).hexdigest()
        metadata = {**found["Metadata"], "bytes": str(len(body)), "sha256": digest}
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata=metadata)

    def remove(self, key: str) -> None:
        """Delete an object, as somebody might who should not."""
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def connect(self) -> Database:
        return database_of(self.settings.section)

    def loader(self, change: Callable[[Loader], None] | None = None) -> Loader:
        loader = loader_of(self.settings, self.connect(), self.heard)
        if change:
            change(loader)
        return loader

    def stage(self, run: Sequence[Record], shard: str = "shardId-000000000000", checkpoint: str | None = None) -> None:
        """Put records through the consumer's own pipeline, to the end of the shard."""
        start = Start(Position.parse(checkpoint) if checkpoint else None, None if checkpoint else "TRIM_HORIZON")
        context = ShardContext(shard, start, self.patience(), self.heard)
        pipeline = REDSHIFT_STAGE.build(self.settings)(context)
        for at in range(0, len(run), 500):
            pipeline.offer(run[at : at + 500], time.monotonic())
        assert pipeline.drain(time.monotonic())

    def stage_many(self, objects: int, each: int = 20) -> list[Record]:
        """Stage so many objects of so many records."""
        self.write(maxRecords=each)
        run = records([event(number) for number in range(objects * each)])
        self.stage(run)
        return run

    def patience(self) -> Patience:
        return Patience(time.sleep, time.monotonic, self.heard)

    def work(self, loader: Loader, bounds: Bounds = ALL) -> None:
        """Load all that waits, however often the database has to be asked."""
        self.patience().until_done(lambda: loader.work(bounds, at_once=True), time.monotonic() + 60)

    def work_together(self, loaders: Sequence[Loader], bounds: Bounds) -> None:
        """Let several loaders load all that waits, at the same time."""
        threads = [threading.Thread(target=self.work, args=(loader, bounds), daemon=True) for loader in loaders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(150)

    def try_once(self, loader: Loader, bounds: Bounds = ALL) -> None:
        """Load what waits, or raise `DeadlineReached` at the first thing that is in the way."""
        self.patience().until_done(lambda: loader.work(bounds, at_once=True), time.monotonic())

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        database = self._auditor()
        try:
            # As the product would: the database may be away for a moment on a busy machine.
            return self.patience().until_done(lambda: database.ask(query), time.monotonic() + 60)
        finally:
            database.close()

    def rows(self) -> list[tuple[str, int]]:
        """The sequence number and the amount of each row."""
        return [
            (str(sequence), int(amount))
            for sequence, amount in self.ask(f"SELECT sequence_number, amount FROM {self.names.target}")
        ]

    def ledger(self) -> dict[str, Done]:
        rows = self.ask(reading(self.names))
        found = done(self.names, rows)
        assert len(found) == len(rows), "an object stands in the ledger twice"
        return found

    def letters(self) -> list[Letter]:
        """Each dead letter once."""
        letters = dead_letters(
            self.settings.section, letter_store(self.settings.section, "redshift"), self.settings.application
        )
        return list(Reader(letters).distinct(letters.entries()))

    def forget_letters(self) -> None:
        """Delete the dead letters, as if nobody had put them."""
        for entry in list(self.store.list(str(self.settings.section.letters_prefix))):
            self.remove(entry.key)

    def report(self) -> Report:
        database = self._auditor()
        area = StagedArea(self.store, layout_of(self.settings))
        try:
            return report(look(self.store, area, database, self.names), area.hour_of)
        finally:
            database.close()

    def _auditor(self) -> Database:
        """Give a way to the database with time for a whole table, of which the server counts our reading too."""
        return database_of(msgspec.structs.replace(self.settings.section, statement_timeout_seconds=60))

    def audit(self, expected: Sequence[Record]) -> None:
        """Compare both sides: each of these records is a row or a letter, once."""
        self.audit_numbers({record.sequence_number for record in expected})

    def audit_numbers(self, wanted: Collection[str]) -> None:
        """Compare both sides by sequence numbers: each a row or a letter, once; nothing staged that has no fate."""
        found = self.report()
        assert not [line for line in found.problems if "quarantined" not in line], found.problems
        staged = set(self.staged())
        ledger = self.ledger()
        waits = sum(line.waiting for line in found.hours)
        assert len(staged - ledger.keys()) == waits
        if waits or any("quarantined" in line for line in found.problems):
            return
        rows = Counter(sequence for sequence, _ in self.rows())
        doubled = {sequence: count for sequence, count in rows.items() if count > 1}
        assert not doubled, f"{len(doubled)} records stand twice in the table"
        letters = {letter.sequence for letter in self.letters()}
        assert not letters & rows.keys(), "a record is a row and a dead letter"
        assert rows.keys() | letters == set(wanted), (len(rows), len(letters), len(wanted))

    def amounts(self, run: Sequence[Record]) -> int:
        """The sum that the table must have of these records, of those that became rows."""
        dead = {letter.sequence for letter in self.letters()}
        return sum(json.loads(one.payload)["amount"] for one in run if one.sequence_number not in dead)
