"""Real search servers for the tests of what speaks to them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.support.search import (
    ELASTICSEARCH_8,
    ELASTICSEARCH_9,
    OPENSEARCH_2,
    OPENSEARCH_3,
    Absent,
    SearchNode,
    elasticsearch,
    opensearch,
)

SERVERS = [
    *(f"opensearch {version}" for version in (OPENSEARCH_2, OPENSEARCH_3)),
    *(f"elasticsearch {version}" for version in (ELASTICSEARCH_8, ELASTICSEARCH_9)),
]


@pytest.fixture(scope="session")
def opensearch_node(search_node: SearchNode) -> SearchNode:
    """The embedded OpenSearch that all suites share, with what earlier tests left in it."""
    return search_node


@pytest.fixture(scope="session", params=SERVERS)
def any_server(request: pytest.FixtureRequest) -> Iterator[SearchNode]:
    """Each server in turn; skipped, with the reason, where it or its Java is not here."""
    try:
        with _server(request.param) as node:
            yield node
    except Absent as error:
        pytest.skip(str(error))


@pytest.fixture
def any_node(any_server: SearchNode) -> SearchNode:
    """Each server in turn, with nothing in it. For tests marked `search_servers`."""
    any_server.reset()
    return any_server


def _server(name: str) -> AbstractContextManager[SearchNode]:
    product, version = name.split()
    return opensearch(version=version) if product == "opensearch" else elasticsearch(version)
