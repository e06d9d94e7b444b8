"""The errors of COPY that the database stores, by object. The faulty lines are never read: they are data."""

from collections.abc import Sequence

from consumers.redshift.database import Database, LoadError
from consumers.redshift.names import literal

_MOST_NAME = 256  # of file_name in SYS_LOAD_ERROR_DETAIL
_MOST_ERRORS = 100
_AT_ONCE = 300  # a statement of the Data API is bounded


def load_errors(database: Database, bucket: str, keys: Sequence[str]) -> list[LoadError]:
    """List the latest errors of these objects, the newest first."""
    return [
        error for at in range(0, len(keys), _AT_ONCE) for error in _some(database, bucket, keys[at : at + _AT_ONCE])
    ]


def _some(database: Database, bucket: str, keys: Sequence[str]) -> list[LoadError]:
    by_name = {f"s3://{bucket}/{key}"[:_MOST_NAME]: key for key in keys}
    names = ", ".join(literal(name) for name in by_name)
    rows = database.ask(
        "SELECT TRIM(file_name), line_number, TRIM(column_name), error_code, TRIM(error_message) "
        f"FROM sys_load_error_detail WHERE TRIM(file_name) IN ({names}) "
        f"ORDER BY start_time DESC LIMIT {_MOST_ERRORS}"
    )
    return [
        LoadError(by_name[str(name)], int(line or 0), str(column or ""), int(code or 0), str(message or ""))
        for name, line, column, code, message in rows
        if str(name) in by_name  # errors of other objects are no evidence
    ]
