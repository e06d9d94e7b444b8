"""The smoke test of a real account passes on the stand-ins, and fails where a loader doubles."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from consumers.local.redshift.warehouse import Warehouse
from tests.daemon.putting import flowing, play
from tests.daemon.stage import Stage, build
from tests.support.real_daemon import fleet_environment
from tests.support.servers import ROOT, Server

pytestmark = [pytest.mark.daemon, pytest.mark.timeout(600)]


@pytest.fixture
def new_stage(aws: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Stage]:
    """A stream of so many shards."""
    return lambda shards: build(aws, tmp_path_factory.mktemp("smoke"), shards)


def test_passes(new_stage: Callable[[int], Stage], house: Warehouse) -> None:
    """It stages, loads with two loaders, delivers again, and finds nothing doubled."""
    stage = new_stage(1)
    with flowing(stage, play(1000), rate=0) as flow:
        flow.all_put()
    endpoint = stage.server.endpoint
    house.create(stage.name)
    keys = {
        "kinesisEndpoint": endpoint,
        "dynamoDBEndpoint": endpoint,
        "metricsLevel": "NONE",
        "redshift.endpoint": endpoint,
        "redshift.deadLetters.endpoint": endpoint,
        "redshift.dataApiEndpoint": house.data_api_endpoint,
        "redshift.database": stage.name,
        "redshift.maxAgeSeconds": 2,
    }
    given = [word for key, value in keys.items() for word in ("--key", f"{key}={value}")]
    command = [sys.executable, "-m", "tests.smoke.redshift", "--stream", stage.name, "--bucket", stage.name]
    command += ["--workgroup", "local", "--application", stage.name, "--seconds", "25", *given]
    environment = fleet_environment(stage.folder)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("smoke: passed\n")
