"""Three hosts for all tests, and a comparison of the archive after each."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.stage import build
from tests.hosts.host import BASE, hosts
from tests.hosts.rollout import reachable
from tests.hosts.world import SHARDS, World
from tests.support.servers import Server


@pytest.fixture(scope="session")
def three_hosts(aws: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three hosts with nothing on them, and records that wait for them."""
    if not (BASE.parent / ".ready").exists():
        pytest.skip("make test-hosts makes the hosts' base")
    folder = Path("/var/tmp") / f"kinesis-fleet-hosts-{time.time_ns():x}"  # noqa: S108 - overlays need a real disk
    folder.mkdir()
    stage = build(aws, tmp_path_factory.mktemp("stage"), SHARDS)
    try:
        with hosts(3, folder) as fleet, reachable(aws.endpoint) as endpoint:
            made = World(list(fleet), stage, endpoint, folder)
            made.flow.begin()
            yield made
            made.flow.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def world(three_hosts: World) -> Iterator[World]:
    """The three hosts; whatever a test does to them, nothing is missing or doubled after it."""
    yield three_hosts
    three_hosts.compare()


@pytest.fixture
def rolled_out(world: World) -> World:
    """The three hosts with a fleet that archives."""
    world.roll_out()
    return world
