"""A clock that is ahead of the host's by a constant, and an S3 server that answers by it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from consumers.records import HOUR_MS

NODE_PRELOAD = Path(__file__).with_name("shifted_clock.js")
_NOT_RELAYED = {"date", "server", "connection", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The time of the stream and of S3. `shift_ms` is how far it is ahead of the host's."""

    shift_ms: int

    @classmethod
    def before_the_hour(cls, lead_s: float) -> Self:
        """Stand so many seconds before an hour's end, an hour or two ahead of the host."""
        now_ms = time.time_ns() // 1_000_000
        return cls((now_ms // HOUR_MS + 2) * HOUR_MS - int(lead_s * 1000) - now_ms)

    def now_ms(self) -> int:
        """Give the time in UTC milliseconds."""
        return time.time_ns() // 1_000_000 + self.shift_ms

    def next_hour_ms(self) -> int:
        """Give the end of the hour that it is, in UTC milliseconds."""
        return (self.now_ms() // HOUR_MS + 1) * HOUR_MS

    def wait_until(self, ms: int) -> None:
        """Wait for a time: nothing else tells of it."""
        time.sleep(max(0, ms - self.now_ms()) / 1000)


@contextmanager
def s3_by_clock(upstream: str, clock: ShiftedClock) -> Iterator[str]:
    """Serve what an S3 server answers, dated by the clock; the endpoint."""
    server = _Quiet(("127.0.0.1", 0), _relay(urlsplit(upstream).netloc, clock))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _relay(netloc: str, clock: ShiftedClock) -> type[BaseHTTPRequestHandler]:
    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(clock.now_ms() // 1000 if timestamp is None else timestamp, usegmt=True)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            upstream = HTTPConnection(netloc, timeout=30)
            try:
                upstream.request(self.command, self.path, body=body, headers=headers)
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            self.send_response(answer.status)  # with the date
            for name, value in answer.getheaders():
                if name.lower() not in _NOT_RELAYED:
                    self.send_header(name, value)
            size = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", size)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    return Relay


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # a killed client is none of its business
