"""Every server that the consumer promises to serve answers as it expects; `make test-search-servers` runs this."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from consumers.search.answers import TooLarge, items_of
from consumers.search.bulk import PATH
from consumers.search.items import Item, Outcome, outcome_of
from consumers.search.server import MIB, HttpServer, ServerAccess
from consumers.search.template import template_of
from tests.support.search import SearchNode

pytestmark = pytest.mark.search_servers

INDEX = "test-events-2026.01.02"
MAPPED = {"mappings": {"dynamic": False, "properties": {"n": {"type": "long"}, "k": {"type": "keyword"}}}}
NDJSON = "application/x-ndjson"


def send(node: SearchNode, *documents: str, index: str = INDEX, first: int = 0) -> list[Outcome]:
    """Create documents with ids that count from `first`, and say what became of each."""
    lines = [
        f"{json.dumps({'create': {'_index': index, '_id': str(at)}})}\n{document}\n"
        for at, document in enumerate(documents, first)
    ]
    body = gzip.compress("".join(lines).encode())
    server = HttpServer(ServerAccess((node.endpoint,), request_s=60.0))
    answer = server.ask("POST", PATH, body, content_type=NDJSON, encoding="gzip")
    items = items_of(answer, len(documents))
    return [outcome_of(item) for item in items or [Item(201)] * len(documents)]


def make(node: SearchNode, index: str = INDEX, body: Any = None) -> None:
    """Make an index."""
    node.expect("PUT", f"/{index}", MAPPED if body is None else body)


def test_a_second_create_is_a_duplicate_and_changes_nothing(any_node: SearchNode) -> None:
    """This is what makes any request safe to send again."""
    make(any_node)
    assert send(any_node, '{"n":1}') == [Outcome.INDEXED]
    assert send(any_node, '{"n":2}', "{}") == [Outcome.DUPLICATE, Outcome.INDEXED]
    assert any_node.documents(INDEX) == {"0": {"n": 1}, "1": {}}


@pytest.mark.parametrize(
    "document",
    [
        '{"n":"many"}',
        '{"n":9223372036854775808}',
        '{"n":{"m":1}}',
        f'{{"k":"{"x" * 32767}"}}',
        '{"n":1,"n":2}',
        "{nope",
        "[]",
        f'{{"u":{"9" * 1001}}}',
    ],
    ids=["text", "range", "object", "immense", "twice", "no JSON", "array", "digits"],
)
def test_what_a_document_does_wrong_is_its_own_fault(any_node: SearchNode, document: str) -> None:
    """It alone is refused; its neighbours are indexed."""
    make(any_node)
    assert send(any_node, "{}", document, '{"n":1}') == [Outcome.INDEXED, Outcome.REJECTED, Outcome.INDEXED]


@pytest.mark.parametrize(
    "mappings",
    [{"mappings": {"dynamic": "strict"}}, {"settings": {"index.mapping.total_fields.limit": 1}}],
    ids=["strict", "field limit"],
)
def test_a_mapping_that_does_not_grow_refuses_the_document(any_node: SearchNode, mappings: dict[str, Any]) -> None:
    """The document is at fault, not the server."""
    make(any_node, body=mappings)
    assert send(any_node, "{}", '{"a":1,"b":2}') == [Outcome.INDEXED, Outcome.REJECTED]


def _block(setting: str) -> Callable[[SearchNode], None]:
    def break_it(node: SearchNode) -> None:
        make(node)
        node.settings(INDEX, {setting: True})

    return break_it


def _closed(node: SearchNode) -> None:
    make(node)
    node.expect("POST", f"/{INDEX}/_close")


def _alias(node: SearchNode) -> None:
    for name in ("one", "two"):
        make(node, name, {"aliases": {INDEX: {}}})


def _full(node: SearchNode) -> None:
    node.cluster({"cluster.max_shards_per_node": 1})
    make(node, "other", {"settings": {"number_of_replicas": 0}})


def _pipeline(node: SearchNode) -> None:
    make(node, body={"settings": {"index.default_pipeline": "absent"}})


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(_block("index.blocks.read_only_allow_delete"), id="flood stage"),
        pytest.param(_block("index.blocks.read_only"), id="read-only"),
        pytest.param(_block("index.blocks.write"), id="write block"),
        pytest.param(lambda node: node.cluster({"action.auto_create_index": False}), id="no index"),
        pytest.param(_closed, id="closed"),
        pytest.param(_alias, id="alias without a write index"),
        pytest.param(_full, id="too many shards"),
        pytest.param(_pipeline, id="no pipeline"),
    ],
)
def test_what_an_operator_has_to_mend_is_waited_for(
    any_node: SearchNode, break_it: Callable[[SearchNode], None]
) -> None:
    """Not a document's fault, whatever the status is: 400, 403, 404 or 429."""
    break_it(any_node)
    try:
        assert send(any_node, "{}") == [Outcome.OPERATOR]
    finally:
        any_node.ask("PUT", f"/{INDEX}/_settings", {"index.blocks.read_only": None})


def test_a_request_over_the_limit_is_told_as_such(any_node: SearchNode) -> None:
    """The limit is 100 MiB by default, and Elasticsearch closes while the request is still sent."""
    make(any_node)
    document = f'{{"u":"{"x" * 101 * MIB}"}}'
    lines = f"{json.dumps({'create': {'_index': INDEX, '_id': '1'}})}\n{document}\n"
    server = HttpServer(ServerAccess((any_node.endpoint,), request_s=60.0))
    with pytest.raises(TooLarge):
        items_of(server.ask("POST", PATH, lines.encode(), content_type=NDJSON), 1)


def test_the_default_template_is_taken(any_node: SearchNode) -> None:
    """It maps the time of an event as a date, so that a search by time finds it."""
    template = template_of("test-events-%Y.%m.%d", "epas", data_stream=False)
    any_node.expect("PUT", f"/_index_template/{template.name}", dict(template.body))
    assert send(any_node, '{"event":"playing","timestamp":1767312000000}') == [Outcome.INDEXED]
    mapped = any_node.expect("GET", f"/{INDEX}/_mapping")[INDEX]["mappings"]["properties"]
    assert mapped["timestamp"]["type"] == "date"
