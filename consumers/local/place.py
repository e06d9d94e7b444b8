"""The files of a demonstration, and the programs that it runs."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from consumers.local.plan import STOP_TIMEOUT_S, Plan
from consumers.local.sink import Server, Sink
from consumers.local.supervisord import Program

AWS = Server("aws", "consumers.local.aws", "the embedded AWS")
_SERVER_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """The files of a run. The socket is elsewhere, since its path must be short."""

    directory: Path
    socket: Path

    @property
    def logs(self) -> Path:
        """The folder with one log for each program."""
        return self.directory / "logs"

    def properties(self, sink: Sink) -> Path:
        """Return the path of the properties file of a sink's daemon."""
        return self.directory / f"{sink.name}.properties"

    def runtime(self, sink: Sink) -> Path:
        """Return the folder for files that a daemon needs only while it runs."""
        return self.socket.with_suffix(f".{sink.name}")

    def ready(self, server: Server) -> Path:
        """Return the path of the pipe to which a server writes its endpoint."""
        return self.socket.with_suffix(f".{server.name}.ready")

    def home(self, server: Server) -> Path:
        """Return the folder of a server's files."""
        return self.socket.with_suffix(f".{server.name}")

    @property
    def s3_endpoint(self) -> Path:
        """The file that holds the S3 endpoint."""
        return self.socket.with_suffix(".s3")

    def make(self, sinks: Sequence[Sink], servers: Sequence[Server]) -> None:
        """Make the folders and the pipes."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for sink in sinks:
            self.runtime(sink).mkdir(mode=0o700)
        for server in servers:
            os.mkfifo(self.ready(server), 0o600)


def companion_of(sink: Sink) -> str:
    """Return the name of the program that runs beside a sink's daemon; empty if there is none."""
    return sink.companion.partition(" ")[0]


def servers_of(plan: Plan, sinks: Sequence[Sink]) -> list[Server]:
    """List the servers that an embedded run needs."""
    return [AWS, *(sink.server for sink in sinks if sink.server)] if plan.embedded else []


def programs(plan: Plan, sinks: Sequence[Sink], place: Place) -> list[Program]:
    """List the programs that supervisord runs for ``plan``."""
    servers = [
        Program(
            server.name,
            _server_command(server, place),
            _SERVER_STOP_TIMEOUT_S,
            autostart=not server.reads_s3,
            settles_s=1,  # a server that cannot start has no exit code for it
        )
        for server in servers_of(plan, sinks)
    ]
    daemons = [
        Program(
            sink.name,
            (sys.executable, "-m", "consumers", "daemon", str(place.properties(sink))),
            STOP_TIMEOUT_S,
            autostart=False,
            environment={"RUNTIME_DIRECTORY": str(place.runtime(sink))},
        )
        for sink in sinks
    ]
    companions = [
        Program(
            companion_of(sink),
            (sys.executable, "-m", "consumers", *sink.companion.split(), str(place.properties(sink))),
            STOP_TIMEOUT_S,
            autostart=False,
        )
        for sink in sinks
        if sink.companion
    ]
    return [*servers, *daemons, *companions]


def _server_command(server: Server, place: Place) -> tuple[str, ...]:
    home = ("--home", str(place.home(server))) if server.keeps_files else ()
    reads = ("--s3-endpoint-file", str(place.s3_endpoint)) if server.reads_s3 else ()
    return (sys.executable, "-m", server.module, "--ready-file", str(place.ready(server)), *home, *reads)
