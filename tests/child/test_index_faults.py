"""The real child process against a real OpenSearch: what each answer leads to, seen in the server's own state."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumers.records import Record
from tests.child.serving import bulk_ids, drained, events, exact, fleet, holding, is_bulk, joined, served_aside, started
from tests.support.bad_events import bad_event, good_event
from tests.support.indexing import (
    FIRST,
    INDICES,
    id_of,
    ids_in,
    letters_of,
    write_index_properties,
)
from tests.support.proxy import Call, Cut, FaultProxy, fault_proxy
from tests.support.search import SearchNode
from tests.support.servers import Server

ONE_INDEX = "test-events-faults"


def nth(number: int, act: Callable[[Call], None]) -> Callable[[Call], None]:
    """Act on the n-th bulk request alone."""
    left = [number]

    def fault(call: Call) -> None:
        if is_bulk(call):
            left[0] -= 1
            if not left[0]:
                act(call)

    return fault


@pytest.fixture
def front(search: SearchNode) -> Iterator[FaultProxy]:
    """A proxy before the search server."""
    with fault_proxy(search.endpoint) as proxy:
        yield proxy


def test_each_event_is_a_document(search: SearchNode, letters: Server, folder: Path) -> None:
    """Good events become documents under the ids of their positions, as they came, with the time of their arrival."""
    records = events(60)
    with started(write_index_properties(folder, letters.endpoint, search.endpoint), records) as child:
        drained(child)
        assert child.lease.checkpoint == records[-1].position
    assert exact(search, letters, records) == []
    found = {hit["_id"]: hit["_source"] for hit in search.hits(INDICES)}
    for record in records:
        assert found[id_of(record)] == {**json.loads(record.payload), "@timestamp": record.arrival_ms}


def test_mapping_error_on_one(search: SearchNode, letters: Server, folder: Path) -> None:
    """One of 500 is refused by the mapping: 499 documents, one dead letter with the error's type, and on it goes."""
    records = events(500)
    bad = records[321] = Record(b'{"playhead":{"a":1}}', "k", records[321].sequence_number, records[321].arrival_ms, 0)
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.maxRecords": 500})
    with started(properties, records) as child:
        drained(child)
        assert child.lease.checkpoint == records[-1].position
    assert exact(search, letters, records, bad={id_of(bad): ""}) == []
    [letter] = letters_of(letters)
    assert letter.reason in {"mapper_parsing_exception", "document_parsing_exception"}
    assert letter.payload == bad.payload


def test_response_lost_after_the_server_applied_it(
    search: SearchNode, letters: Server, front: FaultProxy, folder: Path
) -> None:
    """The request is sent again, and each document stands once."""

    def lose(call: Call) -> None:
        call.after = cut

    front.fault = nth(2, lose)
    records = events(75)
    with started(write_index_properties(folder, letters.endpoint, front.endpoint), records) as child:
        drained(child)
    assert exact(search, letters, records) == []
    sent = [bulk_ids(call) for call in front.calls if is_bulk(call)]
    assert sum(map(len, sent)) > len(records)  # it was sent again


def cut() -> None:
    """End a connection."""
    raise Cut


def test_newlines_between_tokens(search: SearchNode, letters: Server, folder: Path) -> None:
    """A document on several lines is one document, and its neighbours are left alone."""
    pretty = [json.dumps({"event": "playing", "playhead": n}, indent=2).encode() for n in range(10)]
    windows = [payload.replace(b"\n", b"\r\n") for payload in pretty]
    records = holding([*pretty, good_event(1), *windows, good_event(2)])
    with started(write_index_properties(folder, letters.endpoint, search.endpoint), records) as child:
        drained(child)
    assert exact(search, letters, records) == []


def test_index_is_blocked(search: SearchNode, letters: Server, folder: Path) -> None:
    """A read-only index is waited for with an alarm: no dead letter, no checkpoint; once it is free all is indexed."""
    search.ask("PUT", f"/{ONE_INDEX}", {})
    search.ask("PUT", f"/{ONE_INDEX}/_settings", {"index.blocks.read_only_allow_delete": True})
    records = events(30)
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.name": ONE_INDEX})
    with started(properties, records) as child:
        thread = served_aside(child)
        alarm = child.await_log("waiting")
        assert (alarm["level"], "cluster_block_exception" in alarm["reason"]) == ("error", True)
        assert (ids_in(search), letters_of(letters), child.lease.history) == ([], [], [])
        search.ask("PUT", f"/{ONE_INDEX}/_settings", {"index.blocks.read_only_allow_delete": None})
        joined(thread)
    assert exact(search, letters, records) == []


def test_index_is_missing(search: SearchNode, letters: Server, folder: Path) -> None:
    """Where the server makes no index by itself, a missing one is waited for with an alarm."""
    search.cluster({"action.auto_create_index": "false"})
    records = events(30)
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.name": ONE_INDEX})
    with started(properties, records) as child:
        thread = served_aside(child)
        alarm = child.await_log("waiting")
        assert (alarm["level"], "index_not_found_exception" in alarm["reason"]) == ("error", True)
        assert (ids_in(search), letters_of(letters), child.lease.history) == ([], [], [])
        search.ask("PUT", f"/{ONE_INDEX}", {})
        joined(thread)
    assert exact(search, letters, records) == []


@pytest.mark.parametrize(
    "answer",
    [
        (401, b'{"error":"no"}', "error"),
        (403, b"", "error"),
        (200, b"<html><body>Please sign in</body></html>", "error"),
        (200, b'{"errors":false,"items":[]}', "error"),
        (503, b"<html>no backend</html>", "warning"),
        (429, b"", "warning"),
    ],
)
def test_something_else_answers(
    search: SearchNode, letters: Server, front: FaultProxy, folder: Path, answer: tuple[int, bytes, str]
) -> None:
    """Whatever is no answer to each document settles nothing: it is waited out, and then each is indexed once."""
    status, body, level = answer
    freed = threading.Event()

    def fault(call: Call) -> None:
        if is_bulk(call) and not freed.is_set():
            call.status, call.answer = status, body

    front.fault = fault
    records = events(30)
    with started(write_index_properties(folder, letters.endpoint, front.endpoint), records) as child:
        thread = served_aside(child)
        assert child.await_log("waiting")["level"] == level
        assert (ids_in(search), letters_of(letters), child.lease.history) == ([], [], [])
        freed.set()
        joined(thread)
    assert exact(search, letters, records) == []


def test_too_few_items_after_the_server_applied_it(
    search: SearchNode, letters: Server, front: FaultProxy, folder: Path
) -> None:
    """An answer with an item too few settles nothing, though the server has indexed: sent again, each stands once."""

    def drop_one(call: Call) -> None:
        def shorten(content: bytes) -> bytes:
            answer = json.loads(content)
            return json.dumps({**answer, "items": answer["items"][1:]}).encode()

        call.rewrite = shorten

    front.fault = nth(1, drop_one)
    records = events(30)
    with started(write_index_properties(folder, letters.endpoint, front.endpoint), records) as child:
        drained(child)
        assert child.logs("waiting")
    assert exact(search, letters, records) == []


def test_all_ten_ways_to_be_bad(search: SearchNode, letters: Server, folder: Path) -> None:
    """Each way leads to one dead letter with its reason and its whole payload, and the good ones beside are indexed."""
    payloads = [payload for number in range(11) for payload in (good_event(number), bad_event(number)[0])]
    records = holding(payloads)
    bad = {id_of(records[2 * number + 1]): bad_event(number)[1] for number in range(11)}
    with started(write_index_properties(folder, letters.endpoint, search.endpoint), records) as child:
        drained(child)
        said = child.logs("indexed")[-1]
    assert exact(search, letters, records, bad=bad) == []
    found = {f"{letter.stream}:{letter.shard}:{letter.sequence}:0": letter.payload for letter in letters_of(letters)}
    assert found == {id_of(record): record.payload for record in records if id_of(record) in bad}
    assert said["shard"] == FIRST
    assert not any("playing" in line for line in child.log.read_text().splitlines())  # no data in logs


def test_document_that_the_server_fails_on(
    search: SearchNode, letters: Server, front: FaultProxy, folder: Path
) -> None:
    """The server fails on one document for ever: an alarm names it, and by an operator's word it is a dead letter."""
    records = events(30)
    stuck = id_of(records[12])

    def fail_one(call: Call) -> None:
        if not is_bulk(call):
            return
        ids = bulk_ids(call)

        def rewrite(content: bytes) -> bytes:
            answer = json.loads(content)
            for at, item in zip(ids, answer["items"], strict=True):
                if at == stuck:
                    item["create"] = {"status": 500, "error": {"type": "null_pointer_exception", "reason": "null"}}
            return json.dumps({**answer, "errors": True}).encode()

        call.rewrite = rewrite
        if stuck in ids:  # nor does it index it
            lines = gzip.decompress(call.body).splitlines(keepends=True)
            at = 2 * ids.index(stuck)
            call.forward_body = gzip.compress(b"".join([*lines[:at], lines[at], b"[]\n", *lines[at + 2 :]]))

    front.fault = fail_one
    properties = write_index_properties(folder, letters.endpoint, front.endpoint)
    with started(properties, records) as child:
        thread = served_aside(child)
        alarm = child.await_log("waiting")
        assert (alarm["level"], str(records[12].position) in alarm["reason"]) == ("error", True)
        assert (letters_of(letters), child.lease.history) == ([], [])
        granted = fleet("dead-letters", "let-through", "--stuck", "--for", "1h", properties)
        assert granted.returncode == 0, granted.stderr
        joined(thread)
    assert exact(search, letters, records, bad={stuck: "null_pointer_exception"}) == []
