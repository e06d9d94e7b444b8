"""What stands before a store, or in its place: it answers each request with what a test tells it to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple


class Given(NamedTuple):
    """An answer. A Content-Length of the body's is added where `headers` have none; None leaves a header out."""

    status: int
    headers: Mapping[str, str | None] = {}
    body: bytes = b""


@dataclass
class Middlebox:
    """Its address, and what it says to a request's method and path."""

    endpoint: str = ""
    answer: Callable[[str, str], Given] = lambda *_: Given(503)
    asked: list[str] = field(default_factory=list)


@contextmanager
def middlebox() -> Iterator[Middlebox]:
    """Run one until the block ends."""
    box = Middlebox()

    class Box(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            box.asked.append(f"{self.command} {self.path}")
            given = box.answer(self.command, self.path)
            (self.send_response_only if "Date" in given.headers else self.send_response)(given.status)
            for name, value in {"Content-Length": str(len(given.body)), **given.headers}.items():
                if value is not None:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if self.command != "HEAD":
                self.wfile.write(given.body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Box)
    server.daemon_threads = True
    box.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
