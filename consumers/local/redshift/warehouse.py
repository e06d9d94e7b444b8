"""The whole stand-in: PostgreSQL, the proxy in front of it, and the Data API."""

import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from botocore.config import Config

from consumers import aws
from consumers.local.redshift.cluster import Cluster
from consumers.local.redshift.data_api import DataApi
from consumers.local.redshift.faults import Faults
from consumers.local.redshift.session import House, Session
from consumers.local.redshift.tls import certificate

CA_FILE, PASSWORD_FILE = "ca.pem", "password"
PASSWORD = "local-only"  # noqa: S105 - of a server on loopback, with made-up data
DATABASE, USER = "dev", "rs"


class Warehouse:
    """A Redshift on loopback. `port` and `data_api_port` are free ports by default."""

    def __init__(self, s3_endpoint: str, port: int = 0, data_api_port: int = 0) -> None:
        """Store the S3 endpoint; `start` starts everything."""
        self.host = "localhost"
        self.port = port
        self.password = PASSWORD
        self.faults = Faults()
        self.folder = Path(tempfile.mkdtemp(prefix="warehouse-"))
        self._cluster = Cluster()
        self._tls, self.ca_file = certificate(self.folder)
        self._s3: Any = aws.client(
            "s3",
            endpoint_url=s3_endpoint,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=20),
        )
        self._listener: socket.socket | None = None
        self._sessions: list[Session] = []
        self._data_api = DataApi(self, data_api_port)

    def __enter__(self) -> Self:
        """Start the warehouse."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the warehouse."""
        self.stop()

    @property
    def data_api_endpoint(self) -> str:
        """The URL of the Data API."""
        return f"http://127.0.0.1:{self._data_api.port}"

    def start(self) -> None:
        """Start everything, with an empty database."""
        self._cluster.start()
        self.create(DATABASE)
        self.resume()
        self._data_api.start()

    def create(self, database: str) -> None:
        """Create another empty database."""
        self._cluster.create(database)

    def resume(self) -> None:
        """Listen, always at the same port. Do nothing if it already listens."""
        if self._listener:
            return
        listener = socket.create_server(("127.0.0.1", self.port), backlog=64, reuse_port=False)
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def pause(self) -> None:
        """Stop listening, and close all connections."""
        listener, self._listener = self._listener, None
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> None:
        """Close all connections."""
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def stop(self) -> None:
        """Stop everything. No data is kept."""
        self._data_api.stop()
        self.pause()
        self._cluster.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if self.faults.refuse:
                    client.close()
                    continue
                house = House(self._cluster.socket, self.password, self._tls, self._s3, self.faults)
                session = Session(client, house)
                self._sessions = [one for one in self._sessions if one.is_alive()]
                self._sessions.append(session)
                session.start()
