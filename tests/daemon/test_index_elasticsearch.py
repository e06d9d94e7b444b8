"""The same through the real daemon into a real Elasticsearch 9. Opt-in: it takes Java 21 and a larger download."""

from collections.abc import Callable, Iterator

import pytest

from consumers.search.template import template_of
from tests.daemon.stage import Stage
from tests.daemon.test_index import child_killed, jvm_killed, many_events
from tests.support.search import Absent, SearchNode, elasticsearch

pytestmark = pytest.mark.search_servers
VERSION = "9.5.3"


@pytest.fixture(scope="module")
def node() -> Iterator[SearchNode]:
    """A real Elasticsearch with the default index template."""
    try:
        with elasticsearch(VERSION) as running:
            template = template_of("test-events-%Y.%m.%d", "epas", data_stream=False)
            running.expect("PUT", f"/_index_template/{template.name}", dict(template.body))
            yield running
    except Absent as why:
        pytest.skip(str(why))


def test_many_events(new_stage: Callable[[int], Stage], node: SearchNode) -> None:
    """One in a hundred is bad, in ten ways: documents and dead letters are the records, also after a full replay."""
    many_events(new_stage(4), node)


def test_jvm_killed(stage: Stage, node: SearchNode) -> None:
    """The JVM is killed (-9) in mid-flow: a restart goes on, and each event stands once."""
    jvm_killed(stage, node)


def test_child_killed(stage: Stage, node: SearchNode) -> None:
    """One child is killed (-9): a restart goes on, and each event stands once."""
    child_killed(stage, node)
