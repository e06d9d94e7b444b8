"""An OpenSearch that is too small: what it rejects is sent again, and nothing else; then it recovers alone."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.search.template import template_of
from tests.child.serving import bulk_ids, drained, events, exact, holding, is_bulk, started
from tests.support.bad_events import good_event
from tests.support.indexing import id_of, write_index_properties
from tests.support.proxy import Call, FaultProxy, fault_proxy
from tests.support.search import SearchNode, opensearch
from tests.support.servers import Server

RECORDS = 2000
AT_ONCE = {"index.maxRecords": RECORDS}


@contextmanager
def small(*settings: str) -> Iterator[tuple[SearchNode, FaultProxy]]:
    """Run a server with these settings, behind a proxy."""
    with opensearch(*settings) as node, fault_proxy(node.endpoint) as proxy:
        template = template_of("test-events-%Y.%m.%d", "epas", data_stream=False)
        node.ask("PUT", f"/_index_template/{template.name}", dict(template.body))
        yield node, proxy


class Witness:
    """Reads along which ids were sent, and which of them were answered with 429."""

    def __init__(self) -> None:
        self.requests: list[tuple[list[str], list[int]]] = []

    def __call__(self, call: Call) -> None:
        if is_bulk(call):
            call.rewrite = lambda content: self._note(call, content)

    def _note(self, call: Call, content: bytes) -> bytes:
        answer = json.loads(content)
        items = [item["create"]["status"] for item in answer.get("items", ())]
        self.requests.append((bulk_ids(call), items))
        return content


def test_only_rejected_items_are_sent_again(letters: Server, folder: Path) -> None:
    """A write queue of one place rejects documents of a request: these alone come again, until all are indexed."""
    witness = Witness()
    settings = ("node.processors=1", "thread_pool.write.size=1", "thread_pool.write.queue_size=1")
    with small(*settings) as (node, proxy):
        node.ask("PUT", "/test-events-small", {"settings": {"index.number_of_shards": 12}})
        proxy.fault = witness
        records = events(RECORDS)
        keys = {**AT_ONCE, "index.name": "test-events-small"}
        with started(write_index_properties(folder, letters.endpoint, proxy.endpoint, **keys), records) as child:
            drained(child)
        assert exact(node, letters, records) == []
    assert {status for _, items in witness.requests for status in items} == {201, 429}, "it was not overloaded"
    waiting = {id_of(one) for one in records}
    for ids, items in witness.requests:
        assert set(ids) <= waiting
        waiting -= {one for one, status in zip(ids, items, strict=True) if status == 201}
    assert not waiting


def test_whole_requests_are_rejected(letters: Server, folder: Path) -> None:
    """A server that takes 64 kB at once rejects whole requests: they become smaller until they pass."""
    with small("indexing_pressure.memory.limit=64kb") as (node, proxy):
        records = events(RECORDS)
        with started(write_index_properties(folder, letters.endpoint, proxy.endpoint, **AT_ONCE), records) as child:
            drained(child)
            assert child.logs("waiting")[0]["level"] == "warning"
        assert exact(node, letters, records) == []


def test_request_too_large_is_halved(letters: Server, folder: Path) -> None:
    """A 413 halves the requests, and none is as large again; a document too large alone is a dead letter."""
    with small("http.max_content_length=100kb") as (node, proxy):
        records = events(RECORDS)
        large = holding([b'{"event":"%s"}' % (b"x" * 200_000) for _ in records])[777]
        records[777] = large
        with started(write_index_properties(folder, letters.endpoint, proxy.endpoint, **AT_ONCE), records) as child:
            drained(child)
        assert exact(node, letters, records, bad={id_of(large): "too_large"}) == []
    sizes = [len(gzip.decompress(call.body)) for call in proxy.calls if is_bulk(call)]
    assert sizes[0] > 100_000
    assert Counter(size > 100_000 for size in sizes)[True] < 12  # a few halvings, and the large one alone


def test_good_event_is_small() -> None:
    """The sizes above stand on that."""
    assert len(good_event(RECORDS)) < 100
