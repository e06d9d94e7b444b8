"""Connections to a server: its address, request paths in normal form, and a socket with one deadline for all calls."""

from __future__ import annotations

import io
import ipaddress
import os
import re
import socket
import ssl
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from consumers.config.unseen import unseen_in
from consumers.waiting import Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_PORTS = {"https": 443, "http": 80}
_MOST_SECRET_BYTES = 1 << 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OF_OTHERS = 0o027  # the group may read it: a service's files often belong to one
_SEND_BYTES = 1 << 18


class Address(NamedTuple):
    """The address of a server, and the prefix of its paths."""

    scheme: str
    host: str
    port: int
    base: str

    @property
    def authority(self) -> str:
        """The value of the header Host: the host, with the port unless it is the default one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"{self.scheme}://{self.authority}"


def address_of(url: str, *, plain_http: bool) -> Address:
    """Parse the URL of a server.

    Raises:
        ValueError: it is no address, has more than host, port and path, or sends to another host in the clear.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host or not url.isascii():
        message = "index.url is no address. Give https://host[:port][/path]"
        raise ValueError(message)
    if "@" in parts.netloc or parts.query or parts.fragment:
        message = f"index.url for {host} carries credentials, a query or a fragment. Give https://host[:port][/path]"
        raise ValueError(message)
    if parts.scheme == "http" and not plain_http and not _is_loopback(host):
        message = f"index.url would send to {host} in the clear. Give https, or set index.plainHttp"
        raise ValueError(message)
    return Address(parts.scheme, host, parts.port or _PORTS[parts.scheme], target_of(parts.path.rstrip("/")))


def target_of(path: str) -> str:
    """Return a path and its query in normal form: segments are percent-encoded where they must be.

    A signature covers this form, and servers compute it again from what they received.

    Raises:
        ValueError: a segment is empty, `.` or `..`, which servers resolve in different ways.
    """
    path, _, query = path.partition("?")
    segments = [quote(unquote_to_bytes(segment), safe="") for segment in path.split("/")]
    if segments[0] or "" in segments[1:-1] or not {".", ".."}.isdisjoint(segments):
        message = "a path must begin with / and have no segments that are empty, . or .."
        raise ValueError(message)
    if not query:
        return "/".join(segments)
    return f"{'/'.join(segments)}?{urlencode(parse_qsl(query, keep_blank_values=True), safe='', quote_via=quote)}"


def secret_of(key: str, path: str) -> bytes:
    """Read a small file that only its owner and group may read.

    Raises:
        Unavailable: it does not exist, is not readable, is empty, or is open to others. The message never holds the
            file's content.
    """
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MOST_SECRET_BYTES)
    except OSError as fault:
        reason = f"{key} {path}: {fault.strerror}"
        raise Unavailable(reason, f"set {key} to a file that the process may read", operator=True) from fault
    if mode & _OF_OTHERS:
        reason = f"{key} {path}: mode {stat.S_IMODE(mode):04o} opens it to others than its owner and group"
        raise Unavailable(reason, f"chmod 600 {path}, or 640", operator=True)
    if not content.strip():
        reason = f"{key} {path}: empty"
        raise Unavailable(reason, f"write the secret into {path}", operator=True)
    return content


def secret_line_of(key: str, path: str, what: str) -> str:
    """Read the one line of text of such a file. `what` names its content for the message.

    The end of the line, and a byte order mark from an editor, are not part of the secret.

    Raises:
        Unavailable: as in `secret_of`, or the file has more than one line, is not UTF-8, or has invisible characters.
    """
    try:
        line = secret_of(key, path).decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        line = "\n"
    if _CONTROL.search(line):  # outside the handler: the exception there holds the secret
        reason = f"{key} {path}: not one line of UTF-8 text"
        raise Unavailable(reason, f"write {what} into it, on one line", operator=True)
    if found := unseen_in(line):
        reason = f"{key} {path}: holds the invisible character {found}"
        raise Unavailable(reason, f"type {what} anew", operator=True)
    return line


class BoundedSocket:
    """A connection on which every call ends by the deadline, in monotonic seconds, however slowly bytes arrive.

    A socket's own timeout starts again with each byte. `ended` is set once a read has met the end of the stream.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        """Wrap a connected socket."""
        self._socket = connected
        self.deadline = deadline
        self.ended = False

    def allow(self) -> None:
        """Set the timeout of the next system call to the time that is left.

        Raises:
            TimeoutError: no time is left.
        """
        self._socket.settimeout(left_of(self.deadline))

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of the data."""
        rest = memoryview(data).cast("B")
        while rest:
            self.allow()
            rest = rest[self._socket.send(rest[:_SEND_BYTES]) :]

    def makefile(self, _mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        """Return a buffered reader on the connection."""
        return io.BufferedReader(_Incoming(self, self._socket.makefile("rb", buffering=0)))

    def settimeout(self, _seconds: object) -> None:
        """Do nothing: the deadline decides."""

    def fileno(self) -> int:
        """Return the file descriptor, for polling."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket, once no reader uses it any more."""
        self._socket.close()


class _Incoming(io.RawIOBase):
    def __init__(self, bounded: BoundedSocket, raw: io.RawIOBase) -> None:
        self._bounded = bounded
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._bounded.allow()
        count = self._raw.readinto(buffer)
        self._bounded.ended |= count == 0
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def dial(address: Address, context: ssl.SSLContext | None, deadline: float) -> BoundedSocket:
    """Connect. With a context, verify the server's certificate before anything is sent.

    Raises:
        OSError: the server does not answer, or its certificate is refused.
        TimeoutError: not done by the deadline.
    """
    connected = _connect(address, deadline)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(left_of(deadline))
        if context:
            connected = context.wrap_socket(connected, server_hostname=address.host.rstrip("."))
    except BaseException:
        connected.close()
        raise
    return BoundedSocket(connected, deadline)


def left_of(deadline: float) -> float:
    """Return the seconds that are left until a deadline.

    Raises:
        TimeoutError: none are.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        message = "timed out"
        raise TimeoutError(message)
    return left


def _connect(address: Address, deadline: float) -> socket.socket:
    found = _resolve(address, deadline)
    for at, (host, port) in enumerate(found, 1):
        try:
            return socket.create_connection((host, port), left_of(deadline) / (len(found) - at + 1))
        except OSError:
            if at == len(found):
                raise
    message = "no address"
    raise OSError(message)


def _resolve(address: Address, deadline: float) -> list[tuple[str, int]]:
    """Resolve a name in a thread: the resolver's own limits can add up to 30 s, and cannot be shortened."""
    found: list[tuple[str, int]] = []
    failed: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            found.extend((str(entry[4][0]), address.port) for entry in entries)
        except (OSError, UnicodeError) as fault:
            failed.append(fault)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(left_of(deadline))
    if failed:
        raise failed[0]
    if not found:
        message = "timed out"
        raise TimeoutError(message)
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
