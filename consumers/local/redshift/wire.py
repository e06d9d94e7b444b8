"""Messages of PostgreSQL's protocol 3.0, and a plain connection that speaks it (PostgreSQL 15, chapter 55)."""

import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INT = struct.Struct("!i")
SHORT = struct.Struct("!h")
PROTOCOL, SSL_REQUEST, CANCEL_REQUEST, GSS_REQUEST = 196_608, 80_877_103, 80_877_102, 80_877_104
_CHUNK = 1 << 16


class ServerError(Exception):
    """An error to send to the client: the message and its SQLSTATE."""

    def __init__(self, message: str, code: str = "XX000") -> None:
        """Store the message and the SQLSTATE."""
        super().__init__(message)
        self.code = code


def receive(peer: socket.socket, count: int) -> bytes:
    """Read this number of bytes."""
    found = bytearray()
    while len(found) < count:
        part = peer.recv(count - len(found))
        if not part:
            raise ConnectionError
        found += part
    return bytes(found)


def message(code: bytes, body: bytes = b"") -> bytes:
    """Return an encoded message."""
    return code + INT.pack(len(body) + 4) + body


def read_message(peer: socket.socket) -> tuple[bytes, bytes]:
    """Read a message, and return its code and body."""
    head = receive(peer, 5)
    return head[:1], receive(peer, INT.unpack(head[1:])[0] - 4)


def error(text: str, code: str = "XX000", severity: str = "ERROR") -> bytes:
    """Return an encoded error."""
    return message(b"E", f"S{severity}\0C{code}\0M{text}\0\0".encode())


def fields_of(body: bytes) -> dict[str, str]:
    """Parse the fields of an error, by their letters."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def row_of(body: bytes) -> list[str | None]:
    """Parse a row."""
    (count,) = SHORT.unpack(body[:2])
    row: list[str | None] = []
    at = 2
    for _ in range(count):
        (length,) = INT.unpack(body[at : at + 4])
        at += 4
        row.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return row


def start_up(parameters: Mapping[str, str]) -> bytes:
    """Return the first message of a connection."""
    pairs = b"".join(f"{key}\0{value}\0".encode() for key, value in parameters.items())
    body = INT.pack(PROTOCOL) + pairs + b"\0"
    return INT.pack(len(body) + 4) + body


class Backend:
    """A connection to PostgreSQL, which needs no password."""

    def __init__(self, address: Path, parameters: Mapping[str, str]) -> None:
        """Connect."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(address))
        self.socket.sendall(start_up(parameters))
        self.hello: list[tuple[bytes, bytes]] = []
        while not self.hello or self.hello[-1][0] not in {b"Z", b"E"}:
            code, body = read_message(self.socket)
            if code != b"R":
                self.hello.append((code, body))

    def query(self, sql: str) -> list[list[str | None]]:
        """Run statements and return the rows.

        Raises:
            ServerError: one failed, or the connection was refused.
        """
        if self.hello[-1][0] == b"E":
            fields = fields_of(self.hello[-1][1])
            raise ServerError(fields["M"], fields["C"])
        self.socket.sendall(message(b"Q", sql.encode() + b"\0"))
        rows: list[list[str | None]] = []
        failed: ServerError | None = None
        while True:
            code, body = read_message(self.socket)
            if code == b"D":
                rows.append(row_of(body))
            elif code == b"E":
                fields = fields_of(body)
                failed = ServerError(fields["M"], fields["C"])
            elif code == b"Z":
                break
        if failed:
            raise failed
        return rows

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def send_copy_data(peer: socket.socket, data: bytes | memoryview) -> None:
    """Send a part of the data for COPY FROM STDIN."""
    view = memoryview(data)
    for at in range(0, len(view), _CHUNK):
        peer.sendall(message(b"d", bytes(view[at : at + _CHUNK])))


def with_super(body: bytes) -> bytes:
    """Return a row description in which the type jsonb is reported as SUPER."""
    described: Any = bytearray(body)
    (count,) = SHORT.unpack(described[:2])
    at = 2
    for _ in range(count):
        at = described.index(0, at) + 1
        if INT.unpack(described[at + 6 : at + 10])[0] == 3802:  # noqa: PLR2004 - jsonb's OID
            described[at + 6 : at + 10] = INT.pack(4000)
        at += 18
    return bytes(described)
