"""The statements of a load: one transaction, the same through a session and through the Data API. Pure.

    lock -> fence -> ledger -> is any of it loaded already? -> COPY -> did it load what the manifest counts? -> commit

LOCK is first: it takes no snapshot, so the first statement after it sees what the previous loader committed. The lock's
row is changed too. So a transaction that took its snapshot before the lock fails, and loads nothing. Source: "LOCK" and
"Serializable isolation" in the Amazon Redshift Database Developer Guide.
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
    """One statement. With `expect`, it is a query for one number, and any other result ends the transaction."""

    kind: Kind
    sql: str
    expect: int | None = None

    @property
    def checked(self) -> str:
        """The statement, made to fail by itself if the result is unexpected: a batch cannot check results."""
        if self.expect is None:
            return self.sql
        return f"SELECT 1 / (CASE WHEN ({self.sql}) = {self.expect} THEN 1 ELSE 0 END)"


@dataclass(frozen=True, slots=True)
class Copy:
    """How COPY reads a load: the manifest's URL, the columns of the rows' version, the role, options and time limit."""

    manifest: str
    columns: tuple[str, ...]
    iam_role: str
    options: str
    limit_s: int


def locked(names: Names) -> Iterator[Step]:
    """Yield the steps that begin every change of the ledger."""
    yield Step("lock", f"LOCK {names.lock}")
    yield Step("fence", f"UPDATE {names.lock} SET turn = turn + 1")


def load(names: Names, objects: Sequence[Staged], written: Written, copy: Copy | None) -> Iterator[Step]:
    """Yield the steps that load objects; without `copy`, those that only record them in the ledger."""
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
    """Return the COPY statement. MAXERROR is 0, so that no row is left out; times have a form that COPY detects."""
    role = "default" if copy.iam_role == "default" else literal(copy.iam_role)
    columns = ", ".join(map(identifier, copy.columns))
    text = (
        f"COPY {names.target} ({columns}) FROM {literal(copy.manifest)} IAM_ROLE {role} "
        "MANIFEST GZIP JSON 'auto' TIMEFORMAT 'auto' DATEFORMAT 'auto' MAXERROR 0"
    )
    # By default COPY looks for the bucket in the cluster's own region. Naming that region is allowed too.
    region = f"REGION {literal(names.region)}" if names.region and region_in(copy.options) is None else ""
    return " ".join(filter(None, (text, copy.options, region)))


def manifest(bucket: str, objects: Sequence[Staged]) -> bytes:
    """Return the manifest. Each object is mandatory: COPY would silently leave out one that is gone."""
    entries = [
        {"url": f"s3://{bucket}/{staged.key}", "mandatory": True, "meta": {"content_length": staged.size}}
        for staged in objects
    ]
    return msgspec.json.encode({"entries": entries})
