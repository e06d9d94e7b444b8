"""What the consumer relies on in `_bulk`: the fake server and a real one answer alike."""

import json
import uuid

import pytest

from consumers.records import Record
from consumers.search.answers import items_of
from consumers.search.batch import Entry
from consumers.search.bulk import PATH
from consumers.search.items import Item, Outcome, outcome_of
from consumers.search.server import HttpServer, NoAnswer, SearchServer, ServerAccess
from consumers.search.witness import no_document, takes
from tests.search.fake_server import FakeServer


@pytest.fixture(params=["fake", "opensearch"])
def server(request: pytest.FixtureRequest) -> SearchServer:
    """Give each server in turn."""
    if request.param == "fake":
        return FakeServer()
    try:
        node = request.getfixturevalue("opensearch_node")
    except pytest.FixtureLookupError:
        pytest.skip("no real server is at hand")
    return HttpServer(ServerAccess((node.endpoint,)))


@pytest.fixture
def index(server: SearchServer) -> str:
    """Make an index whose field n is a number."""
    name = f"contract-{uuid.uuid4().hex}"
    mappings = {"mappings": {"dynamic": False, "properties": {"n": {"type": "long"}}}}
    assert server.ask("PUT", f"/{name}", json.dumps(mappings).encode()).status == 200
    return name


def send(server: SearchServer, index: str, *documents: tuple[str, bytes]) -> list[Outcome]:
    """Create documents, and say what became of each."""
    lines = [json.dumps({"create": {"_index": index, "_id": one}}).encode() + b"\n" + d + b"\n" for one, d in documents]
    answer = server.ask("POST", PATH, b"".join(lines), content_type="application/x-ndjson")
    items = items_of(answer, len(documents))
    return [outcome_of(item) for item in items or [Item(201)] * len(documents)]


def test_a_second_create_is_a_duplicate_and_changes_nothing(server: SearchServer, index: str) -> None:
    """This is what makes any request safe to send again; also within one request."""
    assert send(server, index, ("1", b'{"n":1}'), ("1", b'{"n":2}')) == [Outcome.INDEXED, Outcome.DUPLICATE]
    assert send(server, index, ("1", b'{"n":3}'), ("2", b"{}")) == [Outcome.DUPLICATE, Outcome.INDEXED]
    assert json.loads(server.ask("GET", f"/{index}/_doc/1").body)["_source"] == {"n": 1}


def test_an_id_in_another_index_is_another_document(server: SearchServer, index: str) -> None:
    """So an index's name must never change for a record."""
    assert send(server, index, ("1", b"{}")) == [Outcome.INDEXED]
    assert send(server, f"{index}-2", ("1", b"{}")) == [Outcome.INDEXED]


def test_a_bad_document_leaves_its_neighbours_indexed(server: SearchServer, index: str) -> None:
    """The fault is the document's own, and named."""
    outcomes = send(server, index, ("1", b"{}"), ("2", b'{"n":"x"}'), ("3", b'{"n":3}'))
    assert outcomes == [Outcome.INDEXED, Outcome.REJECTED, Outcome.INDEXED]


def test_a_blocked_index_is_the_operators(server: SearchServer, index: str) -> None:
    """It waits, and goes on once the block is gone."""
    for blocked, expected in ((True, Outcome.OPERATOR), (False, Outcome.INDEXED)):
        server.ask("PUT", f"/{index}/_settings", json.dumps({"index.blocks.write": blocked}).encode())
        assert send(server, index, ("1", b"{}")) == [expected]


def test_what_shows_that_a_server_takes_others_changes_nothing(server: SearchServer, index: str) -> None:
    """Neither a document that stands already, nor an action with a source that is no document."""
    lines = json.dumps({"create": {"_index": index, "_id": "1"}}, separators=(",", ":")).encode() + b'\n{"n":1}\n'
    entry = Entry(lines, Record(b"", "k", "1", 0))
    assert takes(server, PATH, no_document(entry))
    assert server.ask("GET", f"/{index}/_doc/1").status == 404
    assert takes(server, PATH, lines)
    assert takes(server, PATH, lines)
    assert takes(server, PATH, no_document(entry))
    assert json.loads(server.ask("GET", f"/{index}/_doc/1").body)["_source"] == {"n": 1}


def test_an_item_names_its_document(server: SearchServer, index: str) -> None:
    """So an answer to another request is seen."""
    lines = json.dumps({"create": {"_index": index, "_id": "1"}}, separators=(",", ":")).encode() + b"\n{}\n"
    answer = server.ask("POST", PATH, lines, content_type="application/x-ndjson")
    assert items_of(answer, 1, [lines]) is None
    with pytest.raises(NoAnswer):
        items_of(answer, 1, [lines.replace(b'"1"', b'"2"')])


def test_a_broken_request_is_refused_as_a_whole(server: SearchServer, index: str) -> None:
    """A newline too few is our bug, and nobody's data."""
    body = json.dumps({"create": {"_index": index, "_id": "1"}}).encode() + b"\n{}"
    assert server.ask("POST", PATH, body, content_type="application/x-ndjson").status == 400
