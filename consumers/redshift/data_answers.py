"""The meaning of the Data API's answers: pure functions. An incomplete or odd answer means nothing and is waited out.

Source: the pages of the operations in the Amazon Redshift Data API reference.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from consumers.redshift.database import Away

Answer = Mapping[str, Any]

FINISHED = "FINISHED"
_ENDED_BADLY = ("FAILED", "ABORTED")
_RUNNING = ("SUBMITTED", "PICKED", "STARTED")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "stringValue": str,
    "longValue": int,
    "doubleValue": (float, int),
    "booleanValue": bool,
    "blobValue": bytes,
}
_CONFLICT = re.compile(r"^(error: *)?1023\b|serializable isolation|deadlock detected")
_CANCELLED = re.compile("cancel|timeout")
_UNMET = re.compile("divi(sion|de) by zero")


class Failure(NamedTuple):
    """The statement that ended a batch, counted from 0, and the server's words."""

    at: int
    error: str


def odd(what: str) -> Away:
    """Return the error for an answer that the Data API does not give."""
    reason = f"the Data API: {what}"
    return Away(reason, "look at what stands between here and it, such as a proxy: it is tried again", operator=True)


def id_of(answer: Answer) -> str:
    """Return the id of what was submitted."""
    found = answer.get("Id")
    if not isinstance(found, str) or not found:
        what = "an answer names no statement"
        raise odd(what)
    return found


def is_running(described: Answer, statement_id: str) -> bool:
    """Return whether a statement or batch has not ended.

    Raises:
        Away: the answer does not say so, or is about another statement.
    """
    if described.get("Id", statement_id) != statement_id:
        what = "an answer is of another statement"
        raise odd(what)
    status = described.get("Status")
    if status in _RUNNING:
        return True
    if status == FINISHED or status in _ENDED_BADLY:
        return False
    what = "a statement has no status that is known"
    raise odd(what)


def failure_of(described: Answer, sent: int) -> Failure | None:
    """Return which statement ended a batch, or None if each of those sent is finished, so that all is committed.

    Raises:
        Away: it cannot be told.
    """
    subs = described.get("SubStatements")
    if not isinstance(subs, list) or len(subs) > sent or not all(isinstance(sub, Mapping) for sub in subs):
        what = "a batch has other statements than were sent"
        raise odd(what)
    if any(not _stands_at(at, sub) for at, sub in enumerate(subs)):
        what = "the statements of a batch are not in the order in which they were sent"
        raise odd(what)
    at = next((at for at, sub in enumerate(subs) if sub.get("Status") != FINISHED), None)
    if described["Status"] == FINISHED:
        if at is None and len(subs) == sent:
            return None
        what = f"a batch is finished, and {len(subs) if at is None else at} of its {sent} statements are"
        raise odd(what)
    if at is None or subs[at].get("Status") not in _ENDED_BADLY:
        what = f"a batch ended as {described['Status']}, and none of its statements did"
        raise odd(what)
    return Failure(at, str(subs[at].get("Error") or described.get("Error") or ""))


def rows_of(answer: Answer, width: int | None) -> list[tuple[Any, ...]]:
    """Parse a page of a result. `width` is the number of columns of the rows before, if there were any.

    Raises:
        Away: a part is missing, or has an unknown type.
    """
    records = answer.get("Records")
    if not isinstance(records, list):
        what = "a result has no records"
        raise odd(what)
    columns = answer.get("ColumnMetadata")
    width = len(columns) if columns else width
    rows = [_row(record) for record in records]
    if any(len(row) != (width if width is not None else len(rows[0])) for row in rows):
        what = "a record of a result has not as many fields as it has columns"
        raise odd(what)
    return rows


def insist_on_progress(described: Answer, found: Sequence[object], rows: Sequence[object]) -> None:
    """Check a page that is not the last: `found` are its rows, and `rows` all so far.

    Raises:
        Away: it has no rows, or there are more rows than the result has, so that the pages would never end.
    """
    most = described.get("ResultRows")
    if not found or (isinstance(most, int) and 0 <= most < len(rows)):
        what = "a page of a result brings nothing, or more rows than it has"
        raise odd(what)


def insist_on_all(described: Answer, last: Answer, rows: Sequence[object]) -> None:
    """Compare the number of rows with the numbers given for the result.

    Raises:
        Away: there are fewer rows, or more.
    """
    said = (described.get("ResultRows"), last.get("TotalNumRows"))
    if not rows and 0 not in said and not last.get("ColumnMetadata"):
        what = "a result has neither rows nor columns, and nothing says that it is empty"
        raise odd(what)
    if any(number not in (None, -1, len(rows)) for number in said):
        what = f"a result has {len(rows)} rows, and other numbers are said of it"
        raise odd(what)


def _stands_at(at: int, sub: Answer) -> bool:
    """Return whether the id of a statement of a batch ends in its number, counted from 1."""
    _, colon, number = str(sub.get("Id", "")).rpartition(":")
    return not colon or number == str(at + 1)


def _row(record: object) -> tuple[Any, ...]:
    if not isinstance(record, list) or not record:
        what = "a record of a result is none"
        raise odd(what)
    return tuple(_value(cell) for cell in record)


def _value(cell: object) -> Any:  # noqa: ANN401 - as the API types it
    if isinstance(cell, Mapping):
        if cell.get("isNull") is True:
            return None
        named = [(name, value) for name, value in cell.items() if name != "isNull"]
        if len(named) == 1 and isinstance(named[0][1], _TYPES.get(named[0][0], ())):
            return named[0][1]
    what = "a field of a result has no value"
    raise odd(what)


def is_conflict(error: str) -> bool:
    """Return whether another transaction was in the way. The API gives no codes, so the words decide."""
    return bool(_CONFLICT.search(error.lower().strip()))


def is_cancelled(error: str) -> bool:
    """Return whether the statement took too long."""
    return bool(_CANCELLED.search(error.lower()))


def is_unmet(error: str) -> bool:
    """Return whether one of our checks failed, by its division by zero. Nothing else in its statement divides."""
    return bool(_UNMET.search(error.lower()))
