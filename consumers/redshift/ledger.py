"""The rows of the ledger: one for each staged object that is loaded or quarantined. Pure: SQL out, rows in."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from consumers.records import Position
from consumers.redshift.names import Names, literal
from consumers.redshift.staged import Staged
from consumers.waiting import Unavailable

LOADED, QUARANTINED = "loaded", "quarantined"
MOST_SQL_BYTES = 90_000
"""Below the 100 KB that a statement of the Data API may have ("Amazon Redshift Data API", quotas)."""

COLUMNS = (
    ("object", "varchar(1200) not null"),
    ("status", "varchar(16) not null"),
    ("load_id", "varchar(64) not null"),
    ("loaded_at", "timestamp not null"),
    ("loader", "varchar(256) not null"),
    ("shard", "varchar(128) not null"),
    ("first_position", "varchar(128) not null"),
    ("last_position", "varchar(128) not null"),
    ("after_position", "varchar(128)"),
    ("origin", "varchar(64)"),
    ("arrival_hour", "timestamp not null"),
    ("first_arrival", "timestamp not null"),
    ("last_arrival", "timestamp not null"),
    ("records", "bigint not null"),
    ("rejected", "bigint not null"),
    ("row_count", "bigint not null"),
    ("object_bytes", "bigint not null"),
    ("sha256", "char(64) not null"),
    ("table_version", "integer not null"),
    ("detail", "varchar(2000)"),
)
_NAMES = ", ".join(name for name, _ in COLUMNS)
_READ = (
    "object",
    "status",
    "load_id",
    "row_count",
    "sha256",
    "shard",
    "first_position",
    "last_position",
    "after_position",
    "origin",
    "arrival_hour",
)


class Done(NamedTuple):
    """A row of the ledger: what became of an object."""

    key: str
    status: str
    load_id: str
    rows: int
    sha256: str
    shard: str
    first: Position
    last: Position
    after: Position | None
    origin: str | None
    hour_ms: int


class Written(NamedTuple):
    """What a load writes into the ledger for each of its objects. `detail` says why an object is quarantined."""

    load_id: str
    loader: str
    status: str = LOADED
    detail: str = ""


def timestamp(ms: int) -> str:
    """Return UTC milliseconds as an SQL literal."""
    return f"'{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}'"


def inserts(names: Names, objects: Sequence[Staged], written: Written) -> Iterator[str]:
    """Yield the statements that write objects into the ledger, each of at most MOST_SQL_BYTES."""
    head = f"INSERT INTO {names.ledger} ({_NAMES}) VALUES "
    rows: list[str] = []
    size = len(head)
    for staged in objects:
        row = _row(names.url(staged.key), staged, written)
        if rows and size + len(row.encode()) + 2 > MOST_SQL_BYTES:
            yield head + ", ".join(rows)
            rows, size = [], len(head)
        rows.append(row)
        size += len(row.encode()) + 2
    if rows:
        yield head + ", ".join(rows)


def _row(url: str, staged: Staged, written: Written) -> str:
    link = staged.link
    values = (
        literal(url),
        literal(written.status),
        literal(written.load_id),
        "GETDATE()",
        literal(written.loader, 256),
        literal(link.shard),
        literal(str(link.first)),
        literal(str(link.last)),
        literal(str(link.after)) if link.after else "NULL",
        literal(link.origin) if link.origin else "NULL",
        timestamp(staged.hour_ms),
        timestamp(link.min_arrival_ms),
        timestamp(link.max_arrival_ms),
        str(link.count),
        str(staged.rejected),
        str(staged.rows),
        str(staged.size),
        literal(link.sha256),
        str(staged.table),
        literal(written.detail) if written.detail else "NULL",
    )
    return f"({', '.join(values)})"


def reading(names: Names, from_ms: int | None = None, before_ms: int | None = None) -> str:
    """Return the query for the ledger's rows of objects of these hours, or of all."""
    bounds = [names.ours]
    bounds += [f"arrival_hour >= {timestamp(from_ms)}"] if from_ms is not None else []
    bounds += [f"arrival_hour < {timestamp(before_ms)}"] if before_ms is not None else []
    return f"SELECT {', '.join(_READ)} FROM {names.ledger} WHERE {' AND '.join(bounds)}"


def done(names: Names, rows: Iterable[Sequence[Any]]) -> dict[str, Done]:
    """Parse the rows of that query, by the keys of the objects.

    Raises:
        Unavailable: a row cannot be read. Without it, an object would wrongly count as waiting or as loaded.
    """
    try:
        return {one.key: one for one in _done(names, rows)}
    except (ValueError, TypeError, AttributeError) as fault:
        reason = f"a row of {names.ledger} cannot be read ({type(fault).__name__})"
        remedy = "look at the ledger, which only loaders may write, and at what stands between here and the database"
        raise Unavailable(reason, remedy, operator=True) from fault


def _done(names: Names, rows: Iterable[Sequence[Any]]) -> Iterator[Done]:
    for url, status, load_id, count, sha256, shard, first, last, after, origin, hour in rows:
        if status not in {LOADED, QUARANTINED} or None in {url, load_id, sha256, shard}:
            message = "neither loaded nor quarantined, or of nothing"
            raise ValueError(message)
        yield Done(
            names.key(str(url)),
            str(status),
            str(load_id),
            int(count),
            str(sha256).strip(),
            str(shard),
            Position.parse(first),
            Position.parse(last),
            Position.parse(after) if after else None,
            str(origin) if origin else None,
            _milliseconds(hour),
        )


def _milliseconds(hour: datetime | str) -> int:
    """Parse a timestamp as a session returns it, or as the Data API writes it."""
    moment = hour if isinstance(hour, datetime) else datetime.fromisoformat(hour)
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def standing_of(names: Names, load_ids: Sequence[str]) -> str:
    """Return the query for the number of objects in the ledger, by each of these loads."""
    listed = ", ".join(literal(load_id) for load_id in load_ids)
    return f"SELECT load_id, COUNT(*) FROM {names.ledger} WHERE load_id IN ({listed}) GROUP BY load_id"


def twice(names: Names, load_id: str) -> str:
    """Return the query for the number of this load's objects that are in the ledger by another load too."""
    mine = f"SELECT object FROM {names.ledger} WHERE load_id = {literal(load_id)}"
    return f"SELECT COUNT(*) FROM {names.ledger} WHERE load_id <> {literal(load_id)} AND object IN ({mine})"


def quarantined(names: Names) -> str:
    """Return the query for the quarantined objects: the object, its rows, since when, and why."""
    return (
        f"SELECT object, row_count, CAST(loaded_at AS varchar(32)), detail FROM {names.ledger} "
        f"WHERE status = {literal(QUARANTINED)} AND {names.ours} ORDER BY object"
    )


def forgetting(names: Names, keys: Sequence[str]) -> str:
    """Return the statement that deletes quarantined objects from the ledger, so that they wait again."""
    listed = ", ".join(literal(names.url(key)) for key in keys)
    return f"DELETE FROM {names.ledger} WHERE status = {literal(QUARANTINED)} AND object IN ({listed})"
