"""The table: what a row costs the loader, a COPY of the same files by hand, and a loop of INSERTs.

Each contender loads into a fresh database of the same stand-in, in turn; figures are the least of the rounds, by the
clock: noise only adds. The stand-in converts rows in Python, so that only ratios say anything of a real cluster.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from consumers.local import simulator
from consumers.local.redshift.warehouse import Warehouse
from consumers.local.simulator import Kind
from consumers.records import Record
from consumers.redshift.database import Database
from consumers.redshift.settings import layout_of, table_of
from consumers.redshift.staged import Staged, StagedArea
from consumers.redshift.transaction import Copy, copy_statement, manifest
from tests.bench.report import Figure, Say
from tests.conftest import empty_bucket
from tests.support.archive import BUCKET
from tests.support.servers import Server, on_disk_s3
from tests.support.warehouse import ALL, Place, records

ROUNDS = 3
RECORDS = 100_000
OBJECTS = 20
INSERTED = 2_000
MOST_OF_COPY = 1.15
MOST_OF_INSERTS = 0.25
_US = 1e6


class Run(NamedTuple):
    """Seconds, and for how many rows."""

    seconds: float
    rows: int

    @property
    def us(self) -> float:
        """Microseconds a row."""
        return self.seconds * _US / self.rows


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure the loader beside COPY by hand and a loop of INSERTs."""
    played = (one for one in simulator.play(7) if one.kind is Kind.EVENT)
    payloads = [one.data for one in islice(played, RECORDS)]
    runs: dict[str, list[Run]] = {}
    with on_disk_s3() as s3, Warehouse(s3.endpoint) as house:
        place = _place(s3, house, directory)
        whole = records(payloads, step_ms=0)
        staged = _staged(place, whole)
        runs["staging"] = [staged]
        area = StagedArea(place.store, layout_of(place.settings))
        objects = [found for entry in area.entries() if (found := area.read(entry))]
        contenders: dict[str, Callable[[Place], Run]] = {
            "loader": _by_loader,
            "COPY by hand": lambda one: _by_hand(one, objects),
            "INSERT of each row": lambda one: _by_inserts(one, payloads),
        }
        for number in range(ROUNDS):
            for name, contender in contenders.items():
                one = contender(_place(s3, house, directory, empty=False))
                say(f"table: round {number + 1} of {ROUNDS}: {name}: {one.us:.1f} us a row")
                runs.setdefault(name, []).append(one)
    best = {name: min(one.us for one in some) for name, some in runs.items()}
    for name, us in best.items():
        note = f"{_US / us:,.0f} rows a second" + (f"; {len(objects)} objects" if name != "INSERT of each row" else "")
        yield Figure("table", f"{name}, by the clock a row", us, "us", None, note)
    yield Figure(
        "table", "loader / COPY by hand", best["loader"] / best["COPY by hand"], "", MOST_OF_COPY, "same files"
    )
    end_to_end = best["staging"] + best["loader"]
    note = f"staging and loader, one shard: {_US / end_to_end:,.0f} rows a second"
    yield Figure("table", "end to end / INSERT of each row", end_to_end / best["INSERT of each row"], "",
                 MOST_OF_INSERTS, note)  # fmt: skip


def _place(s3: Server, house: Warehouse, directory: Path, *, empty: bool = True) -> Place:
    """Give a fresh database, with the staging area as it is unless it is to be empty."""
    if empty:
        empty_bucket(s3)
    place = Place(s3, house, directory)
    place.write(table="epas", maxRecords=RECORDS // OBJECTS, statementTimeoutSeconds=60, loadTimeoutSeconds=600)
    place.create()
    return place


def _staged(place: Place, run: Sequence[Record]) -> Run:
    began = time.monotonic()
    place.stage(run)
    return Run(time.monotonic() - began, len(run))


def _by_loader(place: Place) -> Run:
    loader = place.loader()
    began = time.monotonic()
    loader.work(ALL, at_once=True)
    return Run(time.monotonic() - began, _insist(place, loader.totals.rows))


def _by_hand(place: Place, objects: Sequence[Staged]) -> Run:
    """Do what a person would: a manifest of all, and one COPY."""
    with closing(place.connect()) as database:
        database.ask("SELECT 1")
        began = time.monotonic()
        body = manifest(BUCKET, objects)
        place.store.swap("by-hand.manifest", body, None)
        table = table_of(place.settings.section)
        copy = Copy(f"s3://{BUCKET}/by-hand.manifest", table.names, "default", "", 600)
        database.alter("SET statement_timeout TO 600000")
        database.alter(copy_statement(place.names, copy))
        seconds = time.monotonic() - began
    place.remove("by-hand.manifest")
    return Run(seconds, _insist(place, RECORDS))


def _by_inserts(place: Place, payloads: Sequence[bytes]) -> Run:
    """Insert the columns that say most, each row in a statement of its own, all in one transaction."""
    columns = "shard, sequence_number, sub_sequence_number, document, arrived_at, event, session_id, event_at"
    head = f"INSERT INTO {place.names.target} ({columns})"
    with closing(place.connect()) as database:
        database.ask("SELECT 1")
        began = time.monotonic()
        _insert(database, head, payloads)
        seconds = time.monotonic() - began
    return Run(seconds, _insist(place, INSERTED))


def _insert(database: Database, head: str, payloads: Sequence[bytes]) -> None:
    database.alter("BEGIN")
    for at, payload in enumerate(payloads[:INSERTED]):
        session = hashlib.md5(payload, usedforsecurity=False).hexdigest()
        database.alter(
            f"{head} VALUES ('s', '{at}', 0, 0, '2025-11-30 10:53:20', 'e', '{session}', '2025-11-30 10:53:20')"
        )
    database.alter("COMMIT")


def _insist(place: Place, rows: int) -> int:
    """Hold a contender to its word.

    Raises:
        RuntimeError: the table has other rows.

    """
    ((count,),) = place.ask(f"SELECT COUNT(*) FROM {place.names.target}")
    if count != rows:
        message = f"{count} rows stand in the table, and not {rows}: its figure would be of another work"
        raise RuntimeError(message)
    return rows
