"""Two daemons with one workerId: on a host the second is refused, across hosts the first says who the other is."""

import shlex
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from consumers.config.settings import load
from consumers.kcl.rivals import RUN, WrittenRuns
from consumers.logs import logger
from consumers.registry import CONSUMERS
from consumers.s3_archive import store_of
from tests.daemon.putting import flowing
from tests.daemon.stage import Stage
from tests.support.real_daemon import FLEET, RealDaemon, fleet_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
OTHER = "the-other-host"


def test_a_second_daemon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started here it is refused at once; started elsewhere, the shards of the first name both hosts, at error."""
    properties = stage.properties()
    stage.prepare(properties)
    settings = load(properties, CONSUMERS)
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    with flowing(stage, rate=100), stage.daemon(properties) as first:
        first.await_shards("object_written", 2)
        refused = fleet(properties, elsewhere)
        assert refused.returncode == 69
        assert f"process {first.pid}" in refused.stderr
        words = shlex.split(fleet(properties, elsewhere, "--print").stdout)
        here = socket.gethostname()
        monkeypatch.setattr(socket, "gethostname", lambda: OTHER)
        started = WrittenRuns(store_of(settings.section), settings.application, settings.worker, logger()).begin()
        with second(words, elsewhere, {RUN: started}):
            said = first.await_lines("worker_doubled", bool)[0]
            assert (said["level"], said["hosts"]) == ("error", sorted([here, OTHER]))
            assert "workerId of its own" in said["remedy"]


def fleet(properties: Path, runtime: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `kinesis-fleet daemon`, which does not become Java."""
    command = [*FLEET, "daemon", *options, str(properties)]
    environment = fleet_environment(runtime)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def second(words: list[str], runtime: Path, started: Mapping[str, str]) -> RealDaemon:
    """Describe the daemon of another host: nothing that this host holds is asked for."""
    return RealDaemon(words, fleet_environment(runtime, started), runtime / "daemon.log")
