"""What a load says to the database: one transaction, the same through a session and through the Data API. Pure.

    lock -> fence -> ledger -> is any of it loaded already? -> COPY -> did it load what the manifest counts? -> commit

LOCK comes first: it takes no snapshot, so that the first statement after it sees what the loader before committed. The
lock's row is changed too: a transaction that had its snapshot before it had the lock then fails, and loads nothing.
Source: "LOCK" and "Serializable isolation" in the Amazon Redshift Database Developer Guide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from consumers.redshift.copy_options import region_in
from consumers.redshift.identifiers import identifier
from consumers.redshift.ledger import Written, inserts, twice
from consumers.redshift.names import Names, literal
from consumers.redshift.staged import Staged

Kind = Literal["lock", "fence", "ledger", "taken", "limit", "copy", "count"]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement. Where `expect` is set it is a query for one number, and any other answer ends the transaction."""

    kind: Kind
    sql: str
    expect: int | None = None

    @property
    def checked(self) -> str:
        """The statement, made to fail by itself where it is not what is expected: for who cannot look at answers."""
        if self.expect is None:
            return self.sql
        return f"SELECT 1 / (CASE WHEN ({self.sql}) = {self.expect} THEN 1 ELSE 0 END)"


@dataclass(frozen=True, slots=True)
class Copy:
    """How the rows of a load are read: the manifest's address, the columns of their version, who reads, what else."""

    manifest: str
    columns: tuple[str, ...]
    iam_role: str
    options: str
    limit_s: int


def locked(names: Names) -> Iterator[Step]:
    """Give the steps that every change of the ledger begins with."""
    yield Step("lock", f"LOCK {names.lock}")
    yield Step("fence", f"UPDATE {names.lock} SET turn = turn + 1")


def load(names: Names, objects: Sequence[Staged], written: Written, copy: Copy | None) -> Iterator[Step]:
    """Give the steps that load objects; without `copy`, those that only write them down."""
    yield from locked(names)
    for insert in inserts(names, objects, written):
        yield Step("ledger", insert)
    yield Step("taken", twice(names, written.load_id), 0)
    if copy is None:
        return
    yield Step("limit", f"SET statement_timeout TO {copy.limit_s * 1000}")
    yield Step("copy", copy_statement(names, copy))
    yield Step("count", "SELECT pg_last_copy_count()", sum(staged.rows for staged in objects))


def copy_statement(names: Names, copy: Copy) -> str:
    """Write COPY. No row of a file may be left out, so none may fail; times are in the form that it reads itself."""
    role = "default" if copy.iam_role == "default" else literal(copy.iam_role)
    columns = ", ".join(map(identifier, copy.columns))
    text = (
        f"COPY {names.target} ({columns}) FROM {literal(copy.manifest)} IAM_ROLE {role} "
        "MANIFEST GZIP JSON 'auto' TIMEFORMAT 'auto' DATEFORMAT 'auto' MAXERROR 0"
    )
    # COPY looks for a bucket in the cluster's own region unless it is told, and may be told that one too.
    region = f"REGION {literal(names.region)}" if names.region and region_in(copy.options) is None else ""
    return " ".join(filter(None, (text, copy.options, region)))


def manifest(bucket: str, objects: Sequence[Staged]) -> bytes:
    """Write the manifest. Each object is mandatory: COPY would leave out one that is gone, and say nothing."""
    entries = [
        {"url": f"s3://{bucket}/{staged.key}", "mandatory": True, "meta": {"content_length": staged.size}}
        for staged in objects
    ]
    return msgspec.json.encode({"entries": entries})
