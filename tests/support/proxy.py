"""A proxy before an S3 or a search server that fails, holds, alters or notices the n-th call."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Fault = Callable[["Call"], None]


class Cut(Exception):
    """Close the connection without an answer."""


class Call:
    """One request on its way. A fault may end it before or after the server has done its work."""

    def __init__(self, number: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        self.number, self.method, self.path, self.body = number, method, path, body
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.status: int | None = None
        self.answer = b""
        self.rewrite: Callable[[bytes], bytes] | None = None
        self.forward_body: bytes | None = None

    @property
    def writes_object(self) -> bool:
        """Whether it stores an object of a chain."""
        return self.method == "PUT" and ".lines" in self.path


class FaultProxy:
    """Counts the calls and applies a fault to each."""

    def __init__(self, upstream: str) -> None:
        self._netloc = urlsplit(upstream).netloc
        self.fault: Fault = lambda call: None
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self.endpoint = ""

    def begin(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Call:
        """Count a call and let the fault have a look at it."""
        with self._lock:
            call = Call(len(self.calls) + 1, method, path, headers, body)
            self.calls.append(call)
        self.fault(call)
        return call

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[HTTPResponse, bytes]:
        """Ask the server."""
        connection = HTTPConnection(self._netloc, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


def _relay(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - the class closes over its proxy
    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def handle_expect_100(self) -> bool:
            return super().handle_expect_100()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            call = proxy.begin(self.command, self.path, headers, body)
            if call.forward_body is not None:
                body, headers = call.forward_body, {**headers, "Content-Length": str(len(call.forward_body))}
            if call.rewrite:
                headers = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
            try:
                call.before()
                if call.status is None:
                    answer, content = proxy.forward(self.command, self.path, headers, body)
                    content = call.rewrite(content) if call.rewrite else content
                call.after()
            except Cut:
                self.close_connection = True
                self.connection.close()
                return
            if call.status is not None:
                self.send_response(call.status)
                self.send_header("Content-Length", str(len(call.answer)))
                self.end_headers()
                self.wfile.write(call.answer)
                return
            self._answer(answer, content)

        def _answer(self, answer: HTTPResponse, content: bytes) -> None:
            with_body = self.command != "HEAD"
            dropped = {"transfer-encoding", "connection"} | ({"content-length"} if with_body else set())
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in dropped:
                    self.send_header(name, value)
            if with_body:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    return Relay


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # a killed client is the point of these tests


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy before a server until the block ends."""
    proxy = FaultProxy(upstream)
    server = _Quiet(("127.0.0.1", 0), _relay(proxy))
    proxy.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
