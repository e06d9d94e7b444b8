"""Nothing outlasts its limit: neither a server that dawdles, nor one that is not there."""

import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from consumers.search.access import BoundedSocket
from consumers.search.server import HttpServer, NoAnswer, ServerAccess
from consumers.waiting import Unavailable
from tests.support.https import ANSWER, LARGE, Pki, Play, pki_in, read_request, scripted, server_context, serving

LIMIT_S = 0.3
LATE_S = 2.0  # what a server that trickles takes in all
SLACK_S = 1.2


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates, made once."""
    return pki_in(tmp_path_factory.mktemp("pki"))


def trickle(connection: socket.socket, content: bytes, ends: threading.Event, at_once: int = 0) -> None:
    """Send some at once, and the rest a byte at a time; all of it after `LATE_S`."""
    connection.sendall(content[:at_once])
    rest = content[at_once:]
    for at in range(len(rest)):
        if ends.wait(LATE_S / len(rest)):
            return
        connection.sendall(rest[at : at + 1])


def answers_never(connection: socket.socket, ends: threading.Event) -> None:
    """Read, and say nothing."""
    read_request(connection)
    ends.wait()


def trickles_headers(connection: socket.socket, ends: threading.Event) -> None:
    """Begin at once, and never come to the body in time."""
    read_request(connection)
    trickle(connection, ANSWER, ends)


def trickles_body(connection: socket.socket, ends: threading.Event) -> None:
    """Give the headers at once, and the body a byte at a time."""
    read_request(connection)
    trickle(connection, ANSWER, ends, at_once=ANSWER.index(b'"'))


def continues(connection: socket.socket, ends: threading.Event) -> None:
    """Say that an answer will come, again and again."""
    read_request(connection)
    trickle(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 8 + ANSWER, ends)


def reads_never(connection: socket.socket, ends: threading.Event) -> None:
    """Accept, and read nothing."""
    ends.wait()


def reads_slowly(connection: socket.socket, ends: threading.Event) -> None:
    """Read a little at a time, for a while; then all the rest, and answer."""
    until = time.monotonic() + LATE_S
    while time.monotonic() < until and not ends.wait(0.05):
        connection.recv(1 << 17)
    connection.settimeout(0.2)
    with suppress(TimeoutError):
        while connection.recv(1 << 20):
            pass
    connection.settimeout(None)
    connection.sendall(ANSWER)


SLOW: dict[str, tuple[Play, bytes]] = {
    "answers never": (answers_never, b"{}"),
    "trickles headers": (trickles_headers, b"{}"),
    "trickles body": (trickles_body, b"{}"),
    "continues": (continues, b"{}"),
    "reads never": (reads_never, LARGE),
    "reads slowly": (reads_slowly, LARGE),
}


def ends_in_time(server: HttpServer, body: bytes, expected: type[Unavailable]) -> None:
    """Demand that a call ends by its limit, and how."""
    began = time.monotonic()
    with pytest.raises(Unavailable, match="timed out") as caught:
        server.ask("POST", "/_bulk", body)
    took_s = time.monotonic() - began
    assert type(caught.value) is expected
    assert not caught.value.operator
    assert LIMIT_S * 0.9 < took_s < LIMIT_S + SLACK_S, took_s


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("what", SLOW)
def test_no_phase_outlasts_the_limit(pki: Pki, what: str, *, tls: bool) -> None:
    """However a server dawdles, the call ends by its limit, and says that the request may have been done."""
    play, body = SLOW[what]
    with scripted(play, server_context(pki.server) if tls else None) as url:
        server = HttpServer(ServerAccess((url,), request_s=LIMIT_S, ca_file=pki.ours.file))
        ends_in_time(server, body, NoAnswer)


@pytest.mark.parametrize("what", ["trickles headers", "trickles body", "continues", "reads slowly"])
def test_a_limit_for_each_byte_would_be_noticed(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Control: with a plain socket's timeout, which begins anew with each byte, the test above is red."""
    monkeypatch.setattr(BoundedSocket, "allow", lambda self: self._socket.settimeout(LIMIT_S))
    play, body = SLOW[what]
    with scripted(play) as url, pytest.raises((AssertionError, pytest.fail.Exception)):
        ends_in_time(HttpServer(ServerAccess((url,), request_s=LIMIT_S)), body, NoAnswer)


def test_the_limit_holds_on_a_kept_connection() -> None:
    """The second request of a connection has a limit of its own: the first one's time is not counted, nor its limit."""
    asked: list[int] = []

    def play(connection: socket.socket, ends: threading.Event) -> None:
        for _ in range(2):
            read_request(connection)
            asked.append(1)
            connection.sendall(ANSWER)
        answers_never(connection, ends)

    with scripted(play) as url:
        server = HttpServer(ServerAccess((url,), request_s=LIMIT_S))
        server.ask("POST", "/", b"{}")
        threading.Event().wait(LIMIT_S * 1.2)  # the first one's limit passes: nothing else tells
        server.ask("POST", "/", b"{}")
        ends_in_time(server, b"{}", NoAnswer)
    assert len(asked) == 2


@pytest.mark.parametrize("trickles", [False, True])
def test_a_handshake_does_not_outlast_the_limit(*, trickles: bool) -> None:
    """A handshake that hangs, or comes a byte at a time, ends by the limit; the request cannot have arrived."""

    def play(connection: socket.socket, ends: threading.Event) -> None:
        if trickles:
            trickle(connection, b"\x16\x03\x03\x10\x00" + bytes(100), ends)
        ends.wait()

    with scripted(play) as url:
        server = HttpServer(ServerAccess((url.replace("http:", "https:"),), request_s=LIMIT_S))
        ends_in_time(server, b"{}", Unavailable)


def test_connecting_does_not_outlast_the_limit() -> None:
    """A host that drops packets, as one behind a firewall does, ends by the limit; the request cannot have arrived."""
    with ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # the queue is full, and whoever else comes is not heard
            filler = held.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        server = HttpServer(ServerAccess((f"http://127.0.0.1:{listener.getsockname()[1]}",), request_s=LIMIT_S))
        ends_in_time(server, b"{}", Unavailable)


def test_looking_a_name_up_does_not_outlast_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs ends by the limit; the request cannot have been sent."""
    ends = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ends.wait() and [])
    server = HttpServer(ServerAccess(("https://search.example",), request_s=LIMIT_S))
    ends_in_time(server, b"{}", Unavailable)
    ends.set()


def test_a_host_with_a_dead_address_is_reached_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name has several addresses, those that do not answer are passed over within the limit."""
    look_up = socket.getaddrinfo
    dead, alive = ("127.0.0.2", "127.0.0.3"), "127.0.0.1"

    def addresses(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        if host != "search.example":
            return look_up(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in (*dead, alive)]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    with serving(host="search.example") as site:
        assert HttpServer(ServerAccess((site.url,), plain_http=True)).ask("GET", "/").status == 200
