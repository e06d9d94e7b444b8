"""A client's session: messages are passed on to PostgreSQL, except for Redshift's own features and injected faults."""

import hashlib
import secrets
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumers.local.redshift import sql as statements
from consumers.local.redshift import wire
from consumers.local.redshift.copy_options import is_copy
from consumers.local.redshift.faults import SERIALIZABLE, Fault, Faults
from consumers.local.redshift.loading import Loading
from consumers.local.redshift.wire import Backend, ServerError, message, read_message

_KNOWN_PARAMETERS = frozenset({"user", "database", "application_name"})
_SERIALIZATION_FAILURE = "40001"
_ANSWERED_LATER = frozenset({b"P", b"B", b"D", b"C", b"E"})


@dataclass(frozen=True, slots=True)
class House:
    """The parts that all sessions share: PostgreSQL's socket, the password, the certificate, S3, and the faults."""

    postgres: Path
    password: str
    tls: ssl.SSLContext
    s3: Any
    faults: Faults


class Cut(Exception):
    """An injected fault ends the connection here."""


class Session(threading.Thread):
    """A client's connection."""

    def __init__(self, client: socket.socket, house: House) -> None:
        """Store a connection; `start` serves it."""
        super().__init__(daemon=True)
        self._client: socket.socket = client
        self._house = house
        self._backend: Backend | None = None
        self._parameters: dict[str, str] = {}
        self._status = b"I"
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._skipping = False

    def run(self) -> None:
        """Serve the connection until it ends."""
        with suppress(OSError, ValueError, Cut):  # poll raises ValueError for a socket that was closed meanwhile
            self._serve()
        self.close()

    def close(self) -> None:
        """Close both connections. PostgreSQL rolls back an open transaction."""
        ends = [self._client, *([self._backend.socket] if self._backend else [])]
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                end.close()

    def _serve(self) -> None:
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        given = self._start_up()
        if not self._authenticated(given.get("user", "")):
            return
        self._parameters = {key: value for key, value in given.items() if key in _KNOWN_PARAMETERS}
        self._backend = Backend(self._house.postgres, self._parameters)
        hello = message(b"R", wire.INT.pack(0))
        for code, body in self._backend.hello:
            known = b"server_version\x008.0.2\0" if body.startswith(b"server_version\0") else body
            hello += message(code, known)
        self._client.sendall(hello)
        if self._backend.hello[-1][0] == b"E":
            return
        while True:
            if not self._client_speaks(self._backend.socket):
                self._pass_on(*read_message(self._backend.socket))
                continue
            code, body = read_message(self._client)
            if code == b"X":
                return
            if self._skipping and code != b"S":
                continue  # after an error, skip messages until Sync
            self._skipping = False
            try:
                self._handle(code, body)
            except ServerError as fault:
                self._fail(str(fault), fault.code)
                self._skipping = code != b"Q"
                if code == b"Q":
                    self._client.sendall(message(b"Z", self._status))

    def _start_up(self) -> dict[str, str]:
        while True:
            (length,) = wire.INT.unpack(wire.receive(self._client, 4))
            body = wire.receive(self._client, length - 4)
            (code,) = wire.INT.unpack(body[:4])
            if code == wire.SSL_REQUEST:
                self._client.sendall(b"S")
                self._client = self._house.tls.wrap_socket(self._client, server_side=True)
            elif code == wire.GSS_REQUEST:
                self._client.sendall(b"N")
            elif code == wire.CANCEL_REQUEST:
                raise Cut
            else:
                break
        parts = body[4:].split(b"\0")
        return {key.decode(): value.decode() for key, value in zip(parts[::2], parts[1::2], strict=False) if key}

    def _authenticated(self, user: str) -> bool:
        salt = secrets.token_bytes(4)
        self._client.sendall(message(b"R", wire.INT.pack(5) + salt))
        _, answer = read_message(self._client)
        inner = hashlib.md5((self._house.password + user).encode()).hexdigest()  # noqa: S324 - the protocol's
        expected = "md5" + hashlib.md5(inner.encode() + salt).hexdigest()  # noqa: S324 - the same
        if answer[:-1].decode() == expected:
            return True
        self._client.sendall(wire.error(f'password authentication failed for user "{user}"', "28000", "FATAL"))
        return False

    def _client_speaks(self, backend: socket.socket) -> bool:
        """Wait for either side. One thread serves both, since two threads cannot share a TLS connection."""
        if isinstance(self._client, ssl.SSLSocket) and self._client.pending():
            return True
        poll = select.poll()  # select() has no descriptors beyond 1023
        for side in (backend, self._client):
            poll.register(side, select.POLLIN)
        return backend.fileno() not in {descriptor for descriptor, _ in poll.poll()}

    def _pass_on(self, code: bytes, body: bytes) -> None:
        if code == b"Z":
            self._status = body
        if code == b"E" and wire.fields_of(body).get("C") == _SERIALIZATION_FAILURE:
            self._client.sendall(wire.error(SERIALIZABLE))
            return
        self._client.sendall(message(code, wire.with_super(body) if code == b"T" else body))

    def _handle(self, code: bytes, body: bytes) -> None:
        name = body.split(b"\0", 1)[0]
        if code == b"P":
            rest = body[len(name) + 1 :]
            text, parameters = rest.split(b"\0", 1)
            sql = self._accepted(text.decode())
            self._statements[name] = sql
            if is_copy(sql):
                self._client.sendall(message(b"1"))
                return
            body = name + b"\0" + statements.adapted(sql).encode() + b"\0" + parameters
        elif code == b"B":
            statement = body[len(name) + 1 :].split(b"\0", 1)[0]
            self._portals[name] = self._statements.get(statement, "")
            if is_copy(self._portals[name]):
                self._client.sendall(message(b"2"))
                return
        elif code in {b"D", b"C"}:
            known = self._statements if body[:1] == b"S" else self._portals
            if is_copy(known.get(body[1:-1], "")):
                parameters = message(b"t", b"\0\0") if body[:1] == b"S" else b""
                self._client.sendall(message(b"3") if code == b"C" else parameters + message(b"n"))
                return
        elif code == b"E":
            self._run(code, body, self._portals.get(name, ""))
            return
        elif code == b"Q":
            sql = self._accepted(body[:-1].decode())
            self._run(code, statements.adapted(sql).encode() + b"\0", sql)
            return
        self._send(code, body)

    def _accepted(self, sql: str) -> str:
        what = statements.denied(sql)
        if what:
            text = f"Redshift does not support {what}"
            raise ServerError(text, "0A000")
        if statements.alone(sql) and self._status == b"T":
            text = "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
            raise ServerError(text, "25001")
        return sql

    def _run(self, code: bytes, body: bytes, sql: str) -> None:
        """Execute a statement, with the faults that apply to its kind."""
        kind, faults = statements.kind_of(sql), self._house.faults
        faults.note(kind, sql)
        before = faults.take(kind, "before", sql)
        if before:
            self._apply(before)
        after = faults.take(kind, "after", sql)
        if is_copy(sql):
            self._copy(sql)
            if code == b"Q":
                self._client.sendall(message(b"Z", self._status))
        elif after:
            for answer in self._captured(code, body):
                if after.action != "cut":
                    self._pass_on(*answer)
        else:
            self._send(code, body)
        if after:
            self._apply(after)

    def _apply(self, fault: Fault) -> None:
        if fault.call:
            fault.call()
        if fault.action == "cut":
            raise Cut
        if fault.action == "slow":
            self.ask(f"select pg_sleep({fault.seconds})")
        if fault.action == "conflict":
            raise ServerError(SERIALIZABLE)
        if fault.action == "deadlock":
            text = "deadlock detected"
            raise ServerError(text, "40P01")

    def _copy(self, sql: str) -> None:
        if self._status == b"E":
            text = "current transaction is aborted, commands ignored until end of transaction block"
            raise ServerError(text, "25P02")
        count = Loading(self, self._house.s3, sql).run()
        said = f"Load into table completed, {count} record(s) loaded successfully."
        self._client.sendall(
            message(b"N", f"SINFO\0C00000\0M{said}\0\0".encode()) + message(b"C", f"COPY {count}\0".encode())
        )

    def ask(self, sql: str) -> list[list[str | None]]:
        """Run statements in the client's own transaction."""
        rows: list[list[str | None]] = []
        for code, body in self._captured(b"Q", sql.encode() + b"\0"):
            if code == b"D":
                rows.append(wire.row_of(body))
            elif code == b"E":
                fields = wire.fields_of(body)
                raise ServerError(fields["M"], fields["C"])
        return rows

    def admin(self, sql: str) -> list[list[str | None]]:
        """Run statements in a transaction of their own."""
        backend = Backend(self._house.postgres, {"user": "rs", "database": self._parameters.get("database", "dev")})
        try:
            return backend.query(sql)
        finally:
            backend.close()

    def copy_in(self, sql: str, parts: Iterator[bytes]) -> int:
        """Feed COPY FROM STDIN in the client's transaction. An exception from `parts` fails it there too."""
        assert self._backend  # noqa: S101 - it is there once a session is served
        count, failed = 0, None
        answers = self._captured(b"Q", sql.encode() + b"\0")
        for code, body in answers:
            if code == b"G":
                try:
                    for part in parts:
                        wire.send_copy_data(self._backend.socket, part)
                    self._backend.socket.sendall(message(b"c"))
                except Exception as fault:  # noqa: BLE001 - any exception ends the transaction
                    failed = fault
                    self._backend.socket.sendall(message(b"f", b"stopped\0"))
            elif code == b"C":
                count = int(body[:-1].decode().split()[1])
            elif code == b"E" and failed is None:
                fields = wire.fields_of(body)
                failed = ServerError(fields["M"], fields["C"])
        if failed:
            raise failed
        return count

    def _captured(self, code: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Send a message, and yield the answers up to the end of the statement, instead of passing them on."""
        assert self._backend  # noqa: S101 - it is there once a session is served
        last = {b"Z"} if code == b"Q" else {b"C", b"E", b"I", b"s"}
        self._send(code, body)
        while True:
            answer = read_message(self._backend.socket)
            if answer[0] == b"Z":
                self._status = answer[1]
            yield answer
            if answer[0] in last:
                return

    def _fail(self, text: str, code: str) -> None:
        """Make PostgreSQL fail too, so that the transaction is aborted as after any other error."""
        quoted = text.replace("'", "''").replace("%", "%%")
        if self._status != b"E":
            with suppress(ServerError):
                self.ask(f"do $rs$ begin raise exception using message = '{quoted}', errcode = '{code}'; end $rs$")
        self._client.sendall(wire.error(text, code))

    def _send(self, code: bytes, body: bytes) -> None:
        assert self._backend  # noqa: S101 - it is there once a session is served
        # Flush: PostgreSQL buffers the end of a long answer until Sync, which is read only after that end.
        flush = message(b"H") if code in _ANSWERED_LATER else b""
        self._backend.socket.sendall(message(code, body) + flush)
