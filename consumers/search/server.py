"""The HTTP client of the search server: one connection, one request per call, and one time limit for the whole call."""

import ssl
import time
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Literal, NamedTuple, Protocol

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.response import HTTPResponse

from consumers import __version__, alive, aws
from consumers.search.access import Address, BoundedSocket, address_of, dial, target_of
from consumers.search.auth import Request, auth_of
from consumers.search.tls import context_of, refusal, refuses_client
from consumers.waiting import Unavailable

MIB = 1 << 20
_AGAIN = "none: it is tried again"
_LOOK = "look at what answers at index.url, such as a proxy"
_REFUSED = frozenset({401, 403})
_IDLE_S = 30.0  # load balancers drop idle connections, some after 60 s and silently
_CHUNK_BYTES = 1 << 16
_GZIP = 31  # zlib's wbits for a gzip header and trailer


class Answer(NamedTuple):
    """An HTTP answer with any status. The body is inflated."""

    status: int
    body: bytes
    content_type: str


class NoAnswer(Unavailable):
    """No readable answer came, but the server may have executed the request."""


class SearchServer(Protocol):
    """A server that answers HTTP requests."""

    def ask(  # noqa: PLR0913 - what a request is
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        encoding: str = "",
        times: int = 1,
    ) -> Answer:
        """Send a request once. `path` may have a query; its segments are percent-encoded where they must be.

        `body` is sent as it is: with `encoding="gzip"` the caller has compressed it. `times` multiplies the time limit.

        Raises:
            NoAnswer: the request may have reached the server.
            Unavailable: the request cannot have reached it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """How to reach a server. An empty string means none, or the system's default. Secrets are in files only.

    `urls`: https://host[:port][/path] each, of one cluster. `credential_file`: `user:password`, or the encoded API key.
    `request_s` limits a whole call in seconds: connecting, sending, and reading all of the answer.
    """

    urls: tuple[str, ...]
    plain_http: bool = False
    auth: Literal["none", "basic", "apiKey", "es", "aoss"] = "none"
    credential_file: str = ""
    region: str = ""
    ca_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""
    request_s: float = 10.0
    most_answer_bytes: int = 64 * MIB


class HttpServer:
    """Sends requests to one cluster over a persistent connection. After a failure it uses the next address.

    It follows no redirect, repeats nothing, and ignores the environment's proxies. Not thread-safe.
    """

    def __init__(self, access: ServerAccess, find_credentials: Callable[[], Any] = aws.credentials) -> None:
        """Store the configuration; the first request connects. `find_credentials` returns botocore's, or None.

        Raises:
            ValueError: an address cannot be used.
        """
        self.access = access
        self._addresses = [address_of(url, plain_http=access.plain_http) for url in access.urls]
        self._auth = auth_of(access.auth, access.credential_file, access.region, find_credentials)
        self._at = 0
        self._kept: tuple[HTTPConnection, BoundedSocket] | None = None
        self._used = 0.0

    def ask(  # noqa: PLR0913 - what a request is
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        encoding: str = "",
        times: int = 1,
    ) -> Answer:
        """Send a request once; see `SearchServer`."""
        limit_s = self.access.request_s * times
        alive.beat(limit_s)
        deadline = time.monotonic() + limit_s
        address = self._addresses[self._at]
        target = target_of(address.base + path)
        request = Request(method, address.origin, target, address.authority, content_type, body)
        try:
            headers = self._headers(request, encoding)
            self._kept = self._connection(address, deadline, request)
            answer = self._exchange(*self._kept, request, headers)
        except BaseException:
            self.close()
            self._at = (self._at + 1) % len(self._addresses)
            raise
        if answer.status in _REFUSED:
            self._auth.forget()
            self.close()  # the next connection reads the client certificate again
        return answer

    def close(self) -> None:
        """Close the connection. The next request opens another."""
        if self._kept:
            self._kept[0].close()
            self._kept = None

    def _headers(self, request: Request, encoding: str) -> dict[str, str]:
        headers = {
            "Host": request.host,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"kinesis-fleet/{__version__}",
        }
        if request.body:
            headers["Content-Type"] = request.content_type
        if encoding:
            headers["Content-Encoding"] = encoding
        return {**headers, **self._auth.headers(request)}

    def _connection(self, address: Address, deadline: float, request: Request) -> tuple[HTTPConnection, BoundedSocket]:
        if self._kept and self._kept[0].is_connected and time.monotonic() - self._used < _IDLE_S:
            self._kept[1].deadline = deadline
            return self._kept
        self.close()
        access = self.access
        context = None
        if address.scheme == "https":
            context = context_of(access.ca_file, access.client_certificate_file, access.client_key_file)
        try:
            bounded = dial(address, context, deadline)
        except (OSError, UnicodeError) as fault:
            raise _unreached(request.where, fault) from fault
        connection = HTTPConnection(address.host, address.port)
        connection.sock = bounded  # the connection uses only the methods that BoundedSocket has
        return connection, bounded

    def _exchange(
        self, connection: HTTPConnection, bounded: BoundedSocket, request: Request, headers: dict[str, str]
    ) -> Answer:
        try:
            # The server may answer and close before it has read the whole request, as with 413.
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                connection.request(request.method, request.target, request.body or None, headers, preload_content=False)
            with closing(connection.getresponse()) as response:
                if bounded.ended:  # http.client treats the end of the connection as the end of the headers
                    raise _cut_short(request.where, response)
                body = _body_of(response, self.access.most_answer_bytes, request.where)
        except (OSError, HTTPException, HTTPError, zlib.error) as fault:
            raise _unanswered(request.where, fault) from fault
        self._used = time.monotonic()
        return Answer(response.status, body, response.headers.get("Content-Type", ""))


def _body_of(response: HTTPResponse, most_bytes: int, where: str) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in {"gzip", "identity"}:
        reason = f"{where}: HTTP {response.status} in an encoding that was not asked for"
        raise NoAnswer(reason, _LOOK, operator=True)
    inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    while chunk := response.read(_CHUNK_BYTES, decode_content=False):
        part = inflate.decompress(chunk, most_bytes - size + 1) if inflate else chunk
        size += len(part)
        if size > most_bytes:
            reason = f"{where}: HTTP {response.status} with more than {most_bytes} bytes"
            raise NoAnswer(reason, _LOOK, operator=True)
        parts.append(part)
    if inflate and parts and not inflate.eof:
        raise _cut_short(where, response)
    return b"".join(parts)


def _cut_short(where: str, response: HTTPResponse) -> NoAnswer:
    return NoAnswer(f"{where}: HTTP {response.status}, cut short", _AGAIN)


def _unreached(where: str, fault: OSError | UnicodeError) -> Unavailable:
    """Return the error that explains why no connection was made."""
    if isinstance(fault, UnicodeError):
        return Unavailable(f"{where}: no host name", "correct index.url", operator=True)
    if isinstance(fault, ssl.SSLError) and (refused := refusal(fault)):
        return Unavailable(f"{where}: TLS: {refused[0]}", refused[1], operator=True)
    return Unavailable(f"{where}: no connection: {_said_by(fault)}", _AGAIN)


def _unanswered(where: str, fault: Exception) -> Unavailable:
    """Return the error that explains why a connection brought no answer."""
    if isinstance(fault, ssl.SSLError) and refuses_client(fault) and (refused := refusal(fault)):
        return Unavailable(f"{where}: TLS: {refused[0]}", refused[1], operator=True)  # TLS 1.3 reports it only now
    return NoAnswer(f"{where}: no whole answer: {_said_by(fault)}", _AGAIN)


def _said_by(fault: Exception) -> str:
    """Return the kind of an exception. Its text may hold received data."""
    if isinstance(fault, (TimeoutError, ReadTimeoutError)):
        return "timed out"
    return (fault.strerror if isinstance(fault, OSError) else "") or type(fault).__name__
