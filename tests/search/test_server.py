"""The HTTP adapter: what reaches a server, and what comes back."""

import gzip
import socket
import threading
import tracemalloc
from typing import Any

import pytest

from consumers import __version__
from consumers.search import server as server_module
from consumers.search.access import target_of
from consumers.search.server import Answer, HttpServer, NoAnswer, ServerAccess
from consumers.waiting import Unavailable
from tests.support.https import ANSWER, LARGE, Reply, Site, read_request, scripted, serving
from tests.support.servers import free_port


def asking(site: Site, **access: Any) -> HttpServer:
    """Ask one server."""
    return HttpServer(ServerAccess((site.url,), **access))


def test_a_request_arrives_as_it_was_given() -> None:
    """The compressed body arrives byte for byte, with its encoding, its type, and who asks for what."""
    body = gzip.compress(b'{"create":{}}\n{}\n')
    with serving() as site:
        answer = asking(site).ask(
            "POST", "/_bulk?timeout=1s", body, content_type="application/x-ndjson", encoding="gzip"
        )
        assert answer == Answer(200, b"{}", "application/json")
        (request,) = site.seen
        assert (request.method, request.target, request.body) == ("POST", "/_bulk?timeout=1s", body)
        assert request.headers == {
            "host": site.url.removeprefix("http://"),
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": f"kinesis-fleet/{__version__}",
            "content-type": "application/x-ndjson",
            "content-encoding": "gzip",
            "content-length": str(len(body)),
        }


def test_all_requests_share_one_connection() -> None:
    """The connection is kept, whatever the status was."""
    with serving() as site:
        server = asking(site)
        for status in (200, 404, 429, 500, 204):
            site.answer = lambda _, status=status: Reply(status, b"")  # type: ignore[misc]
            assert server.ask("GET", "/").status == status
        assert site.connections == 1


def test_a_redirect_is_an_answer() -> None:
    """Nothing is sent to where a redirect points."""
    with serving() as other, serving() as site:
        site.answer = lambda _: Reply(302, b"", {"Location": other.url})
        assert asking(site).ask("GET", "/").status == 302
        assert (len(site.seen), other.connections) == (1, 0)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its like change nothing."""
    with serving() as proxy, serving() as site:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert asking(site).ask("GET", "/").status == 200
        assert proxy.connections == 0


def test_answers_are_inflated() -> None:
    """A compressed answer is given inflated, an empty one too."""
    body = b'{"items":[' + b"1," * 100_000 + b"1]}"
    with serving() as site:
        server = asking(site)
        site.answer = lambda _: Reply(200, gzip.compress(body), {"Content-Encoding": "gzip"})
        assert server.ask("GET", "/").body == body
        assert server.ask("HEAD", "/").body == b""
        assert site.connections == 1


@pytest.mark.parametrize("packed", [True, False])
def test_an_answer_stops_at_the_bound(*, packed: bool) -> None:
    """An answer beyond the bound is not read, or inflated, any further; one of just the bound is given."""
    most = 1 << 20

    def reply(size: int) -> Reply:
        return (
            Reply(200, gzip.compress(bytes(size)), {"Content-Encoding": "gzip"}) if packed else Reply(200, bytes(size))
        )

    with serving() as site:
        server = asking(site, most_answer_bytes=most)
        site.answer = lambda _: reply(most)
        assert len(server.ask("GET", "/").body) == most
        bomb = reply(64 * most)
        site.answer = lambda _: bomb
        tracemalloc.start()
        try:
            with pytest.raises(NoAnswer, match="more than 1048576 bytes") as caught:
                server.ask("GET", "/")
            assert tracemalloc.get_traced_memory()[1] < 6 * most
        finally:
            tracemalloc.stop()
        assert caught.value.operator


GARBLED = {
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "cut in the headers": ANSWER[:30],
    "cut in the body": ANSWER[:-10],
    "cut in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
    "no chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "cut in gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
    + gzip.compress(LARGE[:99])[:20],
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "not asked for": b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    "nothing": b"",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
    "endless line": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
}


@pytest.mark.parametrize("what", GARBLED)
def test_what_is_no_answer_is_none(what: str) -> None:
    """A truncated or garbled answer says nothing about the request, which may have been done."""

    def play(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.sendall(GARBLED[what])

    with scripted(play) as url, pytest.raises(NoAnswer) as caught:
        HttpServer(ServerAccess((url,))).ask("POST", "/_bulk", b"{}")
    assert caught.value.reason.startswith(f"POST {url}/_bulk: ")


def test_an_answer_before_the_request_was_read_counts() -> None:
    """A server that answers 413 and closes before it has read the body is heard: the caller can send less."""

    def play(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with scripted(play) as url:
        server = HttpServer(ServerAccess((url,)))
        assert [server.ask("POST", "/_bulk", LARGE).status for _ in range(3)] == [413, 413, 413]


def test_nobody_listens() -> None:
    """A refused connection mends itself, and the request cannot have arrived."""
    port = free_port()
    with pytest.raises(Unavailable) as caught:
        HttpServer(ServerAccess((f"http://127.0.0.1:{port}",))).ask("GET", "/x?y")
    assert type(caught.value) is Unavailable
    assert caught.value.reason == f"GET http://127.0.0.1:{port}/x: no connection: Connection refused"
    assert (caught.value.remedy, caught.value.operator) == ("none: it is tried again", False)


def test_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not known, for now, mends itself."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match="Name or service not known") as caught:
        HttpServer(ServerAccess(("https://search.example",))).ask("GET", "/")
    assert (type(caught.value), caught.value.operator) == (Unavailable, False)


def test_another_address_is_tried_next() -> None:
    """Where one address does not answer, the next call goes to another, and stays there while it answers."""
    with serving() as site:
        server = HttpServer(ServerAccess((f"http://127.0.0.1:{free_port()}", site.url)))
        with pytest.raises(Unavailable):
            server.ask("GET", "/")
        assert [server.ask("GET", "/").status for _ in range(3)] == [200, 200, 200]
        assert site.connections == 1


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    """A server that closes each connection after its answer, with or without saying so, costs no failure."""

    def play(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.sendall(ANSWER)
        connection.shutdown(socket.SHUT_WR)
        closed.release()

    closed = threading.Semaphore(0)
    with scripted(play) as url:
        server = HttpServer(ServerAccess((url,)))
        for _ in range(5):
            assert server.ask("POST", "/", b"{}").status == 200
            assert closed.acquire(timeout=10)
    with serving() as site:
        site.answer = lambda _: Reply(200, b"{}", {"Connection": "close"})
        assert [asking(site).ask("GET", "/").body for _ in range(5)] == [b"{}"] * 5


def test_a_connection_that_idled_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """What idled may have been dropped without a word on the way: it is not asked again."""
    with serving() as site:
        server = asking(site)
        server.ask("GET", "/")
        monkeypatch.setattr(server_module, "_IDLE_S", 0.0)
        server.ask("GET", "/")
        assert site.connections == 2


def test_no_descriptor_is_lost() -> None:
    """Answers, refusals, failures and timeouts leave no connection behind: the server sees the end of each."""
    ended = threading.Semaphore(0)

    def play(connection: socket.socket, _: threading.Event) -> None:
        while connection.recv(1000):
            pass
        ended.release()

    rounds = 10
    with scripted(play) as silent, serving() as site:
        server = HttpServer(ServerAccess((site.url, f"http://127.0.0.1:{free_port()}", silent), request_s=0.05))
        for at in range(rounds):
            headers = {"Content-Encoding": "br", "Connection": "close" if at % 2 else "keep-alive"}
            site.answer = lambda _, headers=headers: Reply(500, b"unread", headers)  # type: ignore[misc]
            for expected in (NoAnswer, Unavailable, NoAnswer):
                with pytest.raises(expected):
                    server.ask("GET", "/")
        for _ in range(rounds):
            site.await_end()
            assert ended.acquire(timeout=10)
        site.answer = lambda _: Reply(401)
        HttpServer(ServerAccess((site.url,))).ask("GET", "/")  # with time to answer, on a busy machine too
        site.await_end()


REFUSED_URLS = [
    "http://search.example",
    "ftp://localhost",
    "https://",
    "https://user:pw@localhost",
    "https://localhost/?a=b",
    "https://localhost/a/../b",
    "https://b\u00fccher.example",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    """Plain HTTP to another host, and addresses with more than host, port and path, are refused before anything."""
    with pytest.raises(ValueError, match=r"index\.url|a path") as caught:
        HttpServer(ServerAccess((url,)))
    assert "pw" not in str(caught.value)


def test_plain_http_elsewhere_is_for_who_asks_for_it() -> None:
    """With plain_http, and to this host, http is accepted."""
    HttpServer(ServerAccess(("http://search.example",), plain_http=True))
    HttpServer(ServerAccess(("http://localhost:9200", "http://127.0.0.1", "http://[::1]:9200/search/")))


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("/", "/"),
        ("/_bulk", "/_bulk"),
        ("/<logs-{now/d}>,b", "/%3Clogs-%7Bnow/d%7D%3E%2Cb"),
        ("/%3Clogs-%7Bnow%2Fd%7D%3E", "/%3Clogs-%7Bnow%2Fd%7D%3E"),
        ("/100%25/50%", "/100%25/50%25"),
        ("/\u00fc/", "/%C3%BC/"),
        ("/%ff", "/%FF"),
        ("/a?b=c,d&e&f=%2B+g", "/a?b=c%2Cd&e=&f=%2B%20g"),
    ],
)
def test_paths_have_one_form(given: str, written: str) -> None:
    """A path is written in one form, which is the same when it is written again."""
    assert target_of(given) == written
    assert target_of(written) == written


@pytest.mark.parametrize("path", ["_bulk", "//a", "/a//b", "/a/../b", "/.", "/%2e%2e/a"])
def test_paths_that_servers_resolve_are_refused(path: str) -> None:
    """A path that might name another one once it is resolved is a bug of the caller."""
    with pytest.raises(ValueError, match="a path must"):
        target_of(path)
