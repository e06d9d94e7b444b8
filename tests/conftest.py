"""Servers that several suites share: started once, each test with a bucket of its own name or a clean one."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from consumers.local.redshift.warehouse import Warehouse
from consumers.search.template import template_of
from tests.support.archive import BUCKET
from tests.support.proxy import FaultProxy, fault_proxy
from tests.support.search import SearchNode, opensearch
from tests.support.servers import KEYS, Server, embedded_aws, on_disk_s3

FIGURE = "figure"
os.environ.update(KEYS)
# How long an example takes to make says how busy the machine is, and nothing of what is tested.
settings.register_profile("any machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("any machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests have measured, at the end: also what another process has."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    _print_costs(terminalreporter, reports)
    figures = [value for report in reports for name, value in report.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.line(str(figure))


def _print_costs(terminalreporter: pytest.TerminalReporter, reports: Sequence[pytest.TestReport]) -> None:
    """Print what each suite has cost, in seconds of its worker, so that it is seen when one grows."""
    costs: Counter[str] = Counter()
    for report in [*reports, *terminalreporter.getreports("")]:
        if isinstance(report, pytest.TestReport):
            folder = report.nodeid.partition("::")[0].split("/")
            costs["/".join(folder[:2])] += round(report.duration * 1000)
    if len(costs) > 1:
        terminalreporter.section("seconds by suite")
        for suite, cost_ms in costs.most_common():
            terminalreporter.line(f"{cost_ms / 1000:8.1f}  {suite}")


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a figure that is printed when all tests have run."""
    return lambda figure: record_property(FIGURE, figure)


@pytest.fixture(scope="session")
def aws() -> Iterator[Server]:
    """The embedded AWS."""
    with embedded_aws() as server:
        yield server


@pytest.fixture(scope="session")
def disk() -> Iterator[Server]:
    """A real S3 server on disk."""
    with on_disk_s3() as server:
        yield server


@pytest.fixture(params=["moto", "versitygw"])
def s3(request: pytest.FixtureRequest) -> Server:
    """Each S3 server in turn, with an empty bucket."""
    server: Server = request.getfixturevalue("aws" if request.param == "moto" else "disk")
    empty_bucket(server)
    return server


@pytest.fixture
def proxy(s3: Server) -> Iterator[FaultProxy]:
    """A proxy before that server that does what a test asks of it."""
    with fault_proxy(s3.endpoint) as it:
        yield it


@pytest.fixture(scope="session")
def search_node() -> Iterator[SearchNode]:
    """A real OpenSearch."""
    with opensearch() as node:
        yield node


@pytest.fixture
def search(search_node: SearchNode) -> SearchNode:
    """That OpenSearch, with nothing in it but the default index template for the indices of tests."""
    search_node.reset()
    template = template_of("test-events-%Y.%m.%d", "epas", data_stream=False)
    status, answer = search_node.ask("PUT", f"/_index_template/{template.name}", dict(template.body))
    assert status == 200, answer
    return search_node


@pytest.fixture(scope="session")
def running_house(aws: Server) -> Iterator[Warehouse]:
    """A Redshift stand-in, which reads from the embedded AWS."""
    with Warehouse(aws.endpoint) as house:
        yield house


@pytest.fixture
def house(running_house: Warehouse) -> Warehouse:
    """That stand-in, without any fault."""
    running_house.faults.forget()
    return running_house


@pytest.fixture
def letters(aws: Server) -> Server:
    """An S3 server with an empty bucket for dead letters."""
    empty_bucket(aws)
    return aws


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a test's files."""
    return tmp_path


def empty_bucket(server: Server) -> None:
    """Leave the server with one empty bucket."""
    client = server.client("s3")
    if BUCKET not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=BUCKET)
        return
    while objects := client.list_objects_v2(Bucket=BUCKET).get("Contents"):
        for entry in objects:
            client.delete_object(Bucket=BUCKET, Key=entry["Key"])
