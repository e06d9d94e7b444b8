"""A way to a server that is slow, or dead: it lets bytes through at a pace, or none at all."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

_PIECE_BYTES = 8_192


@dataclass
class SlowRelay:
    """Forwards to a server. `up_bytes_s` and `down_bytes_s` may be changed at any time; 0 moves nothing."""

    endpoint: str
    upstream: tuple[str, int]
    up_bytes_s: float = 1e9
    down_bytes_s: float = 1e9

    def pace(self, *, up: bool) -> float:
        """Say how many bytes a second pass now."""
        return self.up_bytes_s if up else self.down_bytes_s

    def carry(self, source: socket.socket, target: socket.socket, *, up: bool) -> None:
        """Let bytes through until one end closes."""
        with suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                while not (pace := self.pace(up=up)):
                    time.sleep(0.05)
                time.sleep(len(data) / pace)  # what the relay is for
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept(self, listener: socket.socket) -> None:
        """Serve each connection by two threads."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self.upstream)
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self.carry, args=ends[:2], kwargs={"up": ends[2]}, daemon=True).start()


@contextmanager
def slow_relay(upstream: str, buffer_bytes: int = 16_384) -> Iterator[SlowRelay]:
    """Run a relay before a server until the block ends. `buffer_bytes` are taken off a connection before they pass."""
    at = urlsplit(upstream)
    assert at.hostname
    assert at.port
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        relay = SlowRelay(f"http://127.0.0.1:{listener.getsockname()[1]}", (at.hostname, at.port))
        threading.Thread(target=relay.accept, args=(listener,), daemon=True).start()
        yield relay
