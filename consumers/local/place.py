"""Where a demonstration keeps its files, and the programs that it runs there."""

import sys
from dataclasses import dataclass
from pathlib import Path

from consumers.local.plan import STOP_TIMEOUT_S, Plan
from consumers.local.supervisord import Program

AWS = "aws"
DAEMON = "s3_archive"
_AWS_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run keeps its files; the socket apart, since its path must be short."""

    directory: Path
    socket: Path

    @property
    def logs(self) -> Path:
        """One log for each program."""
        return self.directory / "logs"

    @property
    def properties(self) -> Path:
        """The daemon's properties file."""
        return self.directory / f"{DAEMON}.properties"

    @property
    def runtime(self) -> Path:
        """Where the daemon renders what it needs only while it runs."""
        return self.socket.with_suffix(".runtime")

    @property
    def ready(self) -> Path:
        """The named pipe through which the embedded AWS tells its endpoint."""
        return self.socket.with_suffix(".ready")


def programs(plan: Plan, place: Place) -> list[Program]:
    """List what supervisord runs for ``plan``."""
    python = sys.executable
    daemon = (python, "-m", "consumers", "daemon", str(place.properties))
    running = [Program(DAEMON, daemon, STOP_TIMEOUT_S, autostart=False)]
    if plan.embedded:
        server = (python, "-m", "consumers.local.aws", "--ready-file", str(place.ready))
        running.insert(0, Program(AWS, server, _AWS_STOP_TIMEOUT_S))
    return running
