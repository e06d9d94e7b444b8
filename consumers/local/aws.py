"""An embedded AWS: Kinesis, DynamoDB, S3 and CloudWatch in one process, in memory.

Run as ``python -m consumers.local.aws --port N``. It is moto's application served by
hypercorn, because KCL's Kinesis client speaks HTTP/2 without TLS, which moto's own server
does not. One port serves both h2c and HTTP/1.1. The JVM must be started with
``-Daws.cborEnabled=false``: moto does not read CBOR.
"""

import argparse
import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)

from consumers.local import moto_patch
from consumers.local.ready import announce

HOST = "127.0.0.1"
# The services that the fleet calls. They are loaded before the ready file is written, so that no first call is slow.
_SERVICES = ("kinesis", "dynamodb", "s3", "cloudwatch")
# 10 MiB of records are 14 MiB of base64: hypercorn's 16 MiB would refuse a large S3 object.
_MAX_BODY_BYTES = 256 * 1024 * 1024
_BACKLOG = 512

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def complete(app: WsgiApp) -> WsgiApp:
    """Append an empty chunk to each answer of ``app``.

    hypercorn sends the status line with the first chunk. Without it, an answer without a body (HEAD,
    DELETE) would never begin, and would end as a 500.
    """

    def completed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        return chain(app(environ, start_response), (b"",))

    return completed


def one_at_a_time(app: WsgiApp) -> WsgiApp:
    """Make ``app`` answer one request at a time.

    moto checks a condition and then writes, in threads without a lock. Of two concurrent requests, both
    may find ``If-None-Match: *`` fulfilled, so that one object replaces the other. With AWS, check and
    write are one step, and the exactly-once guarantee relies on it. The lock costs nothing: threads of
    one interpreter take turns anyway.
    """
    turn = threading.Lock()

    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with turn:
            return app(environ, start_response)

    return answered


def listen(port: int) -> socket.socket:
    """Bind the loopback address. Port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(_BACKLOG)
    return listener


def configuration(descriptor: int) -> Config:
    """Return the configuration of a server that takes over the listening socket ``descriptor``."""
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.accesslog = None
    config.loglevel = "WARNING"
    # The defaults close a connection after 1,000 requests or 5 s, between two of KCL's polls. AWS's clients close idle
    # ones after 60 s; hypercorn keeps a connection that its client has closed until the time below.
    config.keep_alive_max_requests = 1_000_000_000
    config.keep_alive_timeout = 90
    config.wsgi_max_body_size = _MAX_BODY_BYTES
    config.graceful_timeout = 1
    config.shutdown_timeout = 2
    return config


async def run(port: int, ready_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    for service in _SERVICES:
        get_backend(service)  # type: ignore[call-overload]
    moto_patch.apply()
    app = complete(one_at_a_time(DomainDispatcherApplication(create_backend_app)))
    listener = listen(port)
    if ready_file is not None:
        # Connections wait in the backlog until hypercorn accepts them: none is refused.
        endpoint = f"http://{HOST}:{listener.getsockname()[1]}"
        await asyncio.to_thread(announce, ready_file, endpoint)
    config = configuration(listener.detach())
    await serve(app, config, mode="wsgi", shutdown_trigger=stopped.wait)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m consumers.local.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    parser.add_argument(
        "--ready-file",
        type=Path,
        help="file or named pipe that receives the endpoint once it answers",
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    asyncio.run(run(chosen.port, chosen.ready_file))


if __name__ == "__main__":
    main()
