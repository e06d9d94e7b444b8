"""Each test plays on a stage of its own; all stages stand on one embedded AWS."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.stage import OUTAGE_S, Stage, build
from tests.support.proxy import FaultProxy, fault_proxy
from tests.support.servers import Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests beside this file minutes: each starts a JVM, on a machine that may be busy."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(600 + 3 * OUTAGE_S))
            item.add_marker(pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17"))


@pytest.fixture
def stage(aws: Server, folder: Path) -> Stage:
    """A stream of two shards, a bucket and an application of this test's own."""
    return build(aws, folder, 2)


@pytest.fixture
def new_stage(aws: Server, folder: Path) -> Callable[[int], Stage]:
    """The same with so many shards."""
    return lambda shards: build(aws, folder, shards)


@pytest.fixture
def s3_proxy(aws: Server) -> Iterator[FaultProxy]:
    """A proxy before S3 that does what a test asks of it."""
    with fault_proxy(aws.endpoint) as proxy:
        yield proxy
