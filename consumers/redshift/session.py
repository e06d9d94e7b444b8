"""Access to the database by a session of `redshift_connector`.

TLS is verified. The server limits the time of each statement, and the socket's timeout does if the server is silent.
"""

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import redshift_connector

from consumers.redshift.database import Away, Conflict, Refused, Taken, TooSlow, Unsure
from consumers.redshift.transaction import Step
from consumers.waiting import Unavailable

CONNECT_TIMEOUT_S = 20
_GRACE_S = 30  # how much later the socket's timeout is than the server's
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
_TRUSTING = threading.Lock()  # the whole process shares the environment
_CANCELLED = "57014"
_SERIALIZABLE = "1023"
_CLASSES_OF_CONNECTION = frozenset({"08", "53", "57"})
_REMEDIES = {
    "28P01": "correct redshift.user, or the password in redshift.credentialFile",
    "28000": "correct redshift.user or the password in redshift.credentialFile, or let the user log in",
    "3D000": "correct redshift.database",
    "3F000": "create the schema of redshift.schema",
    "42P01": "create what is missing: kinesis-fleet redshift-ddl --apply FILE",
    "42703": "bring the table up to the table file: kinesis-fleet redshift-ddl --apply FILE",
    "42501": "grant what is missing: kinesis-fleet redshift-ddl FILE says what",
}


@dataclass(frozen=True, slots=True)
class SessionAccess:
    """How to reach the database. `password` is None for temporary credentials by IAM."""

    host: str
    port: int
    database: str
    user: str
    password: str | None
    cluster: str
    workgroup: str
    region: str
    ca_file: str
    statement_s: int
    copy_s: int


class Session:
    """One connection. It is opened when needed, and again after any failure."""

    def __init__(self, access: SessionAccess) -> None:
        """Store the configuration. Nothing is opened yet."""
        self._access = access
        self._connection: Any = None

    def transact(self, steps: Sequence[Step], token: str) -> None:  # noqa: ARG002 - the lock and the ledger replace it
        """Run the steps and commit, in one transaction."""
        with self._at("begin"):
            self._cursor().execute("BEGIN")
        for step in steps:
            self._run(step)
        try:
            self._cursor().execute("COMMIT")
        except Exception as fault:  # the driver raises any type after a cut socket
            if _is_conflict(fault):
                self._failed("commit", fault)  # the server said so: nothing is committed
            self._drop()
            reason = f"the answer to COMMIT was lost ({code_of(fault) or type(fault).__name__})"
            raise Unsure(reason, "none: the ledger is read") from fault
        self._reset_limit()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._at("query"):
            cursor = self._cursor()
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    def alter(self, statement: str) -> None:
        """Run one statement by itself."""
        with self._at("statement"):
            self._cursor().execute(statement)

    def close(self) -> None:
        """Close the connection. An open transaction is rolled back."""
        self._drop()

    def _run(self, step: Step) -> None:
        with self._at(step.kind):
            cursor = self._cursor()
            cursor.execute(step.sql)
            answer = cursor.fetchone() if step.expect is not None else None
        if step.expect is None or (number := _number(answer)) == step.expect:
            return
        self._drop()  # this rolls back
        if number is None:
            reason = f"{step.kind}: the answer is no number of rows"
            raise Away(reason, "look at what stands between here and the database: it is tried again", operator=True)
        if step.kind == "taken":
            raise Taken
        message = f"COPY loaded {number} rows, and the objects hold {step.expect}"
        raise Refused(message)

    def _cursor(self) -> Any:  # noqa: ANN401 - the driver's
        if self._connection is None:
            self._connection = self._connect()
            self._execute_limit()
        cursor = self._connection.cursor()
        cursor.paramstyle = "qmark"  # a percent sign in a text has no special meaning
        return cursor

    def _connect(self) -> Any:  # noqa: ANN401 - the driver's
        access = self._access
        identity: dict[str, Any] = {"user": access.user, "password": access.password}
        if access.password is None:
            identity = {"iam": True, "region": access.region or None, "db_user": access.user or None}
            if access.workgroup:
                identity |= {"is_serverless": True, "serverless_work_group": access.workgroup, "db_user": None}
            else:
                identity["cluster_identifier"] = access.cluster
        with _trusting(access.ca_file):
            connection = redshift_connector.connect(
                host=access.host or None,
                port=access.port,
                database=access.database,
                ssl=True,
                sslmode="verify-full",
                timeout=CONNECT_TIMEOUT_S,
                tcp_keepalive=True,
                tcp_keepalive_idle=30,
                tcp_keepalive_interval=10,
                tcp_keepalive_count=3,
                application_name="kinesis-fleet",
                **{name: value for name, value in identity.items() if value is not None},
            )
        connection.autocommit = True  # this class begins and ends transactions itself
        connection._usock.settimeout(access.copy_s + _GRACE_S)  # noqa: SLF001 - the driver has no option for it
        return connection

    def _execute_limit(self) -> None:
        cursor = self._connection.cursor()
        cursor.execute(f"SET statement_timeout TO {self._access.statement_s * 1000}")

    def _reset_limit(self) -> None:
        with suppress(Exception):  # the transaction is committed: the next call sees this failure
            self._execute_limit()
            return
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection._usock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - close() would wait for a pending read
            with suppress(Exception):
                connection.close()

    @contextmanager
    def _at(self, kind: str) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - the driver raises any type after a cut socket
            self._failed(kind, fault)

    def _failed(self, kind: str, fault: Exception) -> NoReturn:
        self._drop()  # this rolls back
        code, words = code_of(fault), words_of(fault)
        again, told = "none: it is tried again", f"{words[:300]} ({code})"
        if _is_conflict(fault):
            reason = f"{kind}: another transaction was in the way ({code})"
            raise Conflict(reason, again) from fault
        cause = _beneath(fault)
        if code == _CANCELLED or isinstance(cause, TimeoutError):
            if kind == "copy":
                raise TooSlow from fault
            reason = f"{kind}: the database took longer than redshift.statementTimeoutSeconds"
            raise (Conflict if kind == "lock" else Away)(reason, again) from fault
        if code in _REMEDIES and kind != "copy":
            reason = f"{kind}: {told}"
            raise Away(reason, _REMEDIES[code], operator=True) from fault
        if code and kind in {"copy", "statement"} and code[:2] not in _CLASSES_OF_CONNECTION:
            raise Refused(told) from fault
        access = self._access
        where = f"{access.host or access.cluster or access.workgroup}:{access.port}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"{where} shows a certificate that nobody vouches for ({cause.verify_message})"
            remedy = "correct redshift.host; or name the certificates that vouch for it: redshift.caFile"
            raise Away(reason, remedy, operator=True) from fault
        reason = f"{kind}: the database {where} did not accept it ({code or type(cause).__name__})"
        raise Away(reason, again) from fault


def _number(row: Sequence[Any] | None) -> int | None:
    """Return a count, or None if there is none. The server reports a COPY that did not run as -1 rows."""
    number = row[0] if row else None
    if isinstance(number, bool) or not isinstance(number, (int, Decimal)) or number < 0 or number % 1:
        return None
    return int(number)


def _is_conflict(fault: BaseException) -> bool:
    return code_of(fault) in _CONFLICTS or words_of(fault).startswith(_SERIALIZABLE)


def _beneath(fault: Exception) -> BaseException:
    """Return the exception that the driver wraps: it puts the socket's error among its own arguments."""
    return next((one for one in fault.args if isinstance(one, BaseException)), fault)


def code_of(fault: BaseException) -> str:
    """Return the SQLSTATE of an error from the server, or an empty text for an error of the connection."""
    said = fault.args[0] if fault.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def words_of(fault: BaseException) -> str:
    """Return the server's message, without the fields that may quote data."""
    said = fault.args[0] if fault.args else None
    return " ".join(str(said.get("M", "")).split()) if isinstance(said, dict) else type(fault).__name__


@contextmanager
def _trusting(ca_file: str) -> Iterator[None]:
    """Trust these certificates in a handshake too. The driver takes no file, but OpenSSL reads this variable."""
    if not ca_file:
        yield
        return
    with _TRUSTING:
        former = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = ca_file
        try:
            yield
        finally:
            if former is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = former
