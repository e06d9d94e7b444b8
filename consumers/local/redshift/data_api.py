"""The Redshift Data API: AWS JSON 1.1 over HTTP. Its statements run through the stand-in's own sessions.

A batch is one transaction. A repeated request with the same ClientToken returns the same batch.
"""

import json
import threading
import time
import uuid
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import redshift_connector

MOST_STATEMENTS, MOST_SQL_BYTES = 40, 100_000


class Place(Protocol):
    """The address of the sessions."""

    host: str
    port: int
    password: str


class Refusal(Exception):
    """A refused request: the message and the type of the error."""

    def __init__(self, message: str, kind: str = "ValidationException") -> None:
        """Store the message and the type."""
        super().__init__(message)
        self.kind = kind


class Execution:
    """One statement, or a batch."""

    def __init__(self, place: Place, request: dict[str, Any], sqls: list[str], *, batch: bool) -> None:
        """Start the execution in a thread."""
        self.id = str(uuid.uuid4())
        self.batch = batch
        self.status = "SUBMITTED"
        self.error = ""
        self.subs = [
            {"Id": f"{self.id}:{at + 1}", "QueryString": sql, "Status": "SUBMITTED"} for at, sql in enumerate(sqls)
        ]
        self.rows: dict[int, list[tuple[Any, ...]]] = {}
        self.names: dict[int, list[str]] = {}
        self._place, self._sqls = place, sqls
        self._database = request.get("Database") or "dev"
        self._connection: Any = None
        self._cancelled = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.status = "STARTED"
            self._connection = redshift_connector.connect(
                host=self._place.host, port=self._place.port, database=self._database, user="rs",
                password=self._place.password, ssl=False,
            )  # fmt: skip
            self._connection.autocommit = True
            cursor = self._connection.cursor()
            cursor.paramstyle = "qmark"
            if self.batch:
                cursor.execute("BEGIN")
            for at, sql in enumerate(self._sqls):
                self._one(cursor, at, sql)
            if self.batch:
                cursor.execute("COMMIT")
            self.status = "FINISHED"
        except Exception as fault:  # noqa: BLE001 - any exception becomes the answer
            said = fault.args[0] if fault.args and isinstance(fault.args[0], dict) else {"M": repr(fault)[:300]}
            self.error = "ERROR: Query cancelled on user's request" if self._cancelled else f"ERROR: {said.get('M')}"
            self.status = "ABORTED" if self._cancelled else "FAILED"
        finally:
            if self._connection is not None:
                with suppress(Exception):
                    self._connection._usock.shutdown(2)  # noqa: SLF001 - close() would wait
                with suppress(Exception):
                    self._connection.close()

    def _one(self, cursor: Any, at: int, sql: str) -> None:
        self.subs[at]["Status"] = "STARTED"
        try:
            cursor.execute(sql)
        except Exception as fault:
            said = fault.args[0] if fault.args and isinstance(fault.args[0], dict) else {}
            self.subs[at] |= {"Status": "FAILED", "Error": f"ERROR: {said.get('M', type(fault).__name__)}"}
            for later in self.subs[at + 1 :]:
                later["Status"] = "ABORTED"
            raise
        if cursor.description:
            self.rows[at] = [tuple(row) for row in cursor.fetchall()]
            self.names[at] = [str(column[0]) for column in cursor.description]
        self.subs[at]["Status"] = "FINISHED"

    def cancel(self) -> None:
        """Stop the execution, if it runs."""
        self._cancelled = True
        if self._connection is not None:
            self._connection._usock.shutdown(2)  # noqa: SLF001 - from another thread

    def described(self) -> dict[str, Any]:
        """Return the answer of DescribeStatement."""
        last = len(self._sqls) - 1
        answer: dict[str, Any] = {"Id": self.id, "Status": self.status, "HasResultSet": last in self.rows}
        if self.error:
            answer["Error"] = self.error
        if self.batch:
            answer["SubStatements"] = [dict(sub, HasResultSet=at in self.rows) for at, sub in enumerate(self.subs)]
        return answer


class DataApi:
    """The HTTP server."""

    def __init__(self, place: Place, port: int) -> None:
        """Bind the port; `start` serves."""
        self._place = place
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, Execution] = {}
        self._lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                try:
                    code, answer = 200, api.call(operation, json.loads(body or b"{}"))
                except Refusal as fault:
                    code, answer = 400, {"__type": fault.kind, "message": str(fault)}
                encoded = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port

    def start(self) -> None:
        """Serve requests in a thread."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        if operation in {"ExecuteStatement", "BatchExecuteStatement"}:
            return self._execute(request, batch=operation.startswith("Batch"))
        execution = self._executions.get(request["Id"].partition(":")[0])
        if execution is None:
            message = "Query does not exist."
            raise Refusal(message, "ResourceNotFoundException")
        if operation == "DescribeStatement":
            return execution.described()
        if operation == "CancelStatement":
            execution.cancel()
            return {"Status": True}
        if operation == "GetStatementResult":
            return _result(execution, request["Id"].partition(":")[2])
        message = f"Unknown operation {operation}"
        raise Refusal(message)

    def _execute(self, request: dict[str, Any], *, batch: bool) -> dict[str, Any]:
        sqls = request["Sqls"] if batch else [request["Sql"]]
        if not request.get("ClusterIdentifier") and not request.get("WorkgroupName"):
            message = "Either ClusterIdentifier or WorkgroupName is required"
            raise Refusal(message)
        if len(sqls) > MOST_STATEMENTS or any(len(sql.encode()) > MOST_SQL_BYTES for sql in sqls):
            message = "too many statements, or one that is too long"
            raise Refusal(message)
        token = request.get("ClientToken")
        with self._lock:
            execution = self._tokens.get(token) if token else None
            if execution is None:
                execution = Execution(self._place, request, sqls, batch=batch)
                self._executions[execution.id] = execution
                if token:
                    self._tokens[token] = execution
        return {"Id": execution.id, "CreatedAt": time.time()}


def _result(execution: Execution, which: str) -> dict[str, Any]:
    at = int(which) - 1 if which else len(execution.subs) - 1
    if at not in execution.rows:
        message = "Query does not have result."
        raise Refusal(message, "ResourceNotFoundException")
    columns = [{"name": name, "label": name} for name in execution.names[at]]
    return {"ColumnMetadata": columns, "Records": [[_field(cell) for cell in row] for row in execution.rows[at]]}


def _field(cell: Any) -> dict[str, Any]:
    if cell is None:
        return {"isNull": True}
    if isinstance(cell, bool):
        return {"booleanValue": cell}
    if isinstance(cell, int):
        return {"longValue": cell}
    if isinstance(cell, float):
        return {"doubleValue": cell}
    if isinstance(cell, datetime | date | Decimal):
        return {"stringValue": str(cell)}
    return {"stringValue": str(cell)}
