"""COPY: reads the objects of the manifest from S3, and streams rows into the session's own transaction."""

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from consumers.local.redshift.copy_options import CopyStatement, read_copy
from consumers.local.redshift.rows import MOST_LINE, RowError, TargetColumn, converter
from consumers.local.redshift.wire import ServerError

_ROWS_AT_ONCE = 2_000
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode  # a number keeps its digits


class Target(Protocol):
    """The session that a COPY runs in. `ask` runs in its transaction, `admin` in one of its own."""

    def ask(self, sql: str) -> list[list[str | None]]:
        """Return the rows of a query."""
        ...

    def admin(self, sql: str) -> list[list[str | None]]:
        """Return the rows of a query, even if the session's transaction fails."""
        ...

    def copy_in(self, sql: str, parts: Iterator[bytes]) -> int:
        """Feed COPY FROM STDIN, and return the number of rows. An exception from `parts` fails it."""
        ...


class Loading:
    """The execution of one COPY."""

    def __init__(self, target: Target, s3: Any, sql: str) -> None:
        """Parse the statement."""
        self._target = target
        self._s3 = s3
        self._statement: CopyStatement = read_copy(sql)
        self._began = datetime.now(UTC)
        self._file = ""
        self._line = 0
        self._column = ""

    def run(self) -> int:
        """Load, and return the number of rows.

        Raises:
            ServerError: nothing was loaded.
        """
        statement = self._statement
        columns = self._columns()
        quoted = ", ".join(f'"{column.name}"' for column in columns)
        query_id = int(self._target.admin("select nextval('rs_internal.query_id')")[0][0] or 0)
        name = ".".join(f'"{part}"' for part in statement.table)
        try:
            count = self._target.copy_in(f"copy {name} ({quoted}) from stdin", self._rows(columns))
        except RowError as fault:
            self._keep(query_id, fault.code, str(fault))
            message = (
                f"Load into table '{statement.table[-1]}' failed. "
                "Check 'sys_load_error_detail' system table for details."
            )
            raise ServerError(message) from fault
        self._target.ask(
            f"select set_config('rs.copy_count', '{count}', false), set_config('rs.copy_id', '{query_id}', false)"
        )
        return count

    def _columns(self) -> list[TargetColumn]:
        table = ".".join(f'"{part}"' for part in self._statement.table)
        rows = self._target.ask(
            "select a.attname, t.typname, a.atttypmod, a.attnotnull and not a.atthasdef from pg_attribute a "
            f"join pg_type t on t.oid = a.atttypid where a.attrelid = to_regclass('{table}') "
            "and a.attnum > 0 and not a.attisdropped order by a.attnum"
        )
        if not rows:
            message = f"Cannot COPY into nonexistent table {self._statement.table[-1]}"
            raise ServerError(message)
        known = {str(row[0]): _column(row) for row in rows}
        wanted = self._statement.columns or list(known)
        for name in wanted:
            if name not in known:
                message = f'column "{name}" of relation "{self._statement.table[-1]}" does not exist'
                raise ServerError(message, "42703")
        return [known[name] for name in wanted]

    def _rows(self, columns: list[TargetColumn]) -> Iterator[bytes]:
        makers = [(column.name, converter(column, self._statement.options)) for column in columns]
        rows: list[str] = []
        for url, data in self._files():
            self._file, self._line = url, 0
            for line in self._text(url, data).split(b"\n"):
                self._line += 1
                if not line.strip():
                    continue
                self._column = ""
                if len(line) > MOST_LINE:
                    raise RowError(code=1224, words="JSON object is larger than 4 MB")
                try:
                    line.decode()  # the JSON decoder does not check strings in a `Raw`
                    document = _decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise RowError(code=1200, words="Invalid JSON") from None
                cells = []
                for self._column, convert in makers:
                    cells.append(convert(document.get(self._column)))
                rows.append("\t".join(cells))  # type: ignore[arg-type]
            if len(rows) >= _ROWS_AT_ONCE:
                yield ("\n".join(rows) + "\n").encode()
                rows.clear()
        if rows:
            yield ("\n".join(rows) + "\n").encode()

    def _text(self, url: str, data: bytes) -> bytes:
        if "GZIP" not in self._statement.options:
            return data
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            self._line = 0
            raise RowError(code=1231, words=f"S3 file is not in gzip format: {url}"[:100]) from None

    def _files(self) -> Iterator[tuple[str, bytes]]:
        source = self._statement.source
        if "MANIFEST" not in self._statement.options:
            yield source, self._get(source) or b""
            return
        body = self._get(source)
        if body is None:
            message = f"The specified S3 prefix '{source}' does not exist"
            raise ServerError(message)
        for entry in json.loads(body)["entries"]:
            data = self._get(entry["url"])
            if data is None:
                if entry.get("mandatory"):
                    message = f"Problem reading manifest file - NoSuchKey: {entry['url']}"
                    raise ServerError(message)
                continue  # silently, as Redshift does
            length = entry.get("meta", {}).get("content_length", len(data))
            if length != len(data):
                message = f"content_length of {entry['url']} is {length}, and not {len(data)}"
                raise ServerError(message)
            yield entry["url"], data

    def _get(self, url: str) -> bytes | None:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        try:
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as fault:
            code = fault.response["Error"]["Code"]
            if code in {"NoSuchKey", "404"}:
                return None
            message = f"S3ServiceException: {code}, {url}"
            raise ServerError(message) from fault
        except BotoCoreError as fault:
            message = f"S3 is away: {type(fault).__name__}"
            raise ServerError(message) from fault
        return body

    def _keep(self, query_id: int, code: int, words: str) -> None:
        file, column = self._file.replace("'", "''")[:256], self._column[:127]
        self._target.admin(
            "insert into public.sys_load_error_detail(query_id, start_time, file_name, line_number, column_name, "
            f"error_code, error_message) values ({query_id}, '{self._began:%Y-%m-%d %H:%M:%S.%f}', '{file}', "
            f"{self._line}, '{column}', {code}, '{words.replace(chr(39), chr(39) * 2)}')"
        )


def _column(row: list[str | None]) -> TargetColumn:
    name, kind, modifier = str(row[0]), str(row[1]), int(row[2] or -1) - 4
    if kind == "numeric" and modifier >= 0:
        return TargetColumn(name, kind, modifier >> 16, modifier & 0xFFFF, row[3] == "t")
    return TargetColumn(name, kind, max(modifier, 0), 0, row[3] == "t")
