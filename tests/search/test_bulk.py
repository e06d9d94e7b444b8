"""What is sent, how much at once, and again: only what has no fate yet."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from consumers.records import Record
from consumers.search.answers import Refused
from consumers.search.batch import IndexBatch
from consumers.search.batcher import gathered
from consumers.search.bulk import Bulk, Stuck
from consumers.search.items import Outcome
from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable
from tests.search.fake_server import FakeServer, Fault, Index

KIB = 1 << 10


def batch_of(*sources: bytes) -> IndexBatch:
    """Make a batch of documents with the ids 0, 1 and so on."""
    head = '{{"create":{{"_index":"i","_id":"{}"}}}}\n'
    records = [Record(source, "k", str(n), 0, 0) for n, source in enumerate(sources)]
    return gathered(records, lambda one: (head.format(one.sequence_number).encode() + one.payload + b"\n",))


class _Failing:
    """A server that fails on documents with a field of that name."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def ask(self, *of: Any, **more: Any) -> Answer:
        answer = self._server.ask(*of, **more)
        said = json.loads(answer.body)
        for ids, item in zip(self._server.requests[-1], said.get("items", ()), strict=False):
            if b"fails" in self._server.indices["i"].documents.get(ids, b""):
                item["create"] = {"status": 500, "error": {"type": "null_pointer_exception", "reason": None}}
                said["errors"] = True
        return answer._replace(body=json.dumps(said).encode())


def padded(n_bytes: int) -> bytes:
    """Make a document of that many bytes or a few less."""
    return json.dumps({"t": "x" * (n_bytes - 60)}).encode()


def persist(bulk: Bulk, batch: IndexBatch, tries: int = 99) -> list[Unavailable]:
    """Send until nothing is pending; what was raised meanwhile."""
    raised: list[Unavailable] = []
    for _ in range(tries):
        try:
            bulk.send(batch)
        except Unavailable as fault:
            raised.append(fault)
        else:
            return raised
    pytest.fail(f"still pending after {tries} tries: {raised[-1]}")


def outcomes(batch: IndexBatch) -> Sequence[Outcome | None]:
    """Give each document's fate."""
    return [entry.outcome for entry in batch.documents]


def test_only_what_was_not_taken_is_sent_again() -> None:
    """A third of the items at 429 costs a third of a second request."""
    server = FakeServer()
    server.busy = lambda one: int(one) % 3 == 0 and len(server.requests) == 1
    batch = batch_of(*[b"{}"] * 9)
    [fault] = persist(Bulk(server, KIB), batch)
    assert server.requests == [list("012345678"), ["0", "3", "6"]]
    assert outcomes(batch) == [Outcome.INDEXED] * 9
    assert fault.progressed
    assert not fault.operator
    assert "3 of 9" in fault.reason


@pytest.mark.parametrize("fault", ["lost", "short", "html"])
def test_what_the_server_did_without_saying_so_is_found_and_not_doubled(fault: Fault) -> None:
    """The second request meets the first one's documents: each stands once, and counts as a duplicate."""
    server = FakeServer()
    server.faults.append(fault)
    batch = batch_of(b"{}", b"{}")
    [raised] = persist(Bulk(server, KIB), batch)
    assert isinstance(raised, NoAnswer)
    assert outcomes(batch) == [Outcome.DUPLICATE] * 2
    assert sorted(server.ids()) == ["0", "1"]
    assert "canary" not in str(raised)


@pytest.mark.parametrize("fault", ["unreached", "unsent", "429", "503", "401"])
def test_what_was_not_done_is_sent_again(fault: Fault) -> None:
    """Nothing is taken for done without an answer that says so."""
    server = FakeServer()
    server.faults.append(fault)
    batch = batch_of(b"{}", b"{}")
    [raised] = persist(Bulk(server, KIB), batch)
    assert outcomes(batch) == [Outcome.INDEXED] * 2
    assert raised.operator is (fault == "401")


def test_a_request_that_was_too_large_is_halved_and_none_is_that_large_again() -> None:
    """Also not after the server was busy: a limit does not go away."""
    server = FakeServer(most_bytes=9 * KIB)
    bulk = Bulk(server, 40 * KIB)
    persist(bulk, batch_of(*[padded(KIB)] * 40))
    assert server.sizes[0] > 30 * KIB
    largest = max(size for size in server.sizes if size <= 9 * KIB)
    refused = [size for size in server.sizes if size > 9 * KIB]
    assert refused == server.sizes[: len(refused)]
    server.sizes.clear()
    for fault in ("429", "lost", "unsent", None):
        server.faults.append(fault)
        persist(bulk, batch_of(*[padded(KIB)] * 40))
    assert max(server.sizes) <= 2 * largest
    assert max(server.sizes) <= 9 * KIB


def test_one_document_too_large_alone_is_rejected_and_its_neighbours_are_not() -> None:
    """It never loops, and does not shrink what follows."""
    server = FakeServer(most_bytes=100 * KIB)
    batch = batch_of(b"{}", padded(200 * KIB), b"{}")
    assert persist(Bulk(server, 80 * KIB), batch) == []
    assert outcomes(batch) == [Outcome.INDEXED, Outcome.REJECTED, Outcome.INDEXED]
    [(record, rejected)] = batch.dead()
    assert (record.sequence_number, rejected.reason) == ("1", "too_large")
    assert len(server.requests) == 3


def test_a_small_document_is_never_too_large() -> None:
    """What answers 413 to it is wrong: an alarm, and no dead letter. Several at once are sent as fewer."""
    # Each batch has the same ids: the later ones stand already.
    server = FakeServer()
    bulk = Bulk(server, 40 * KIB)
    persist(bulk, batch_of(*[padded(KIB)] * 20))
    server.faults.append("413")
    batch = batch_of(padded(10 * KIB))
    [raised] = persist(bulk, batch)
    assert (raised.operator, outcomes(batch)) == (True, [Outcome.DUPLICATE])
    server.faults.append("413")
    batch = batch_of(padded(KIB), padded(KIB))
    assert persist(bulk, batch) == []
    assert outcomes(batch) == [Outcome.DUPLICATE] * 2


@pytest.mark.parametrize("fault", ["unsent", "lost", "429", "503", "html"])
def test_a_server_that_is_slow_or_busy_gets_less_and_then_more_again(fault: Fault) -> None:
    """Halved at each, down to 64 KiB at once, and back to the whole as requests succeed."""
    server = FakeServer()
    bulk = Bulk(server, 512 * KIB)
    server.faults.extend([fault] * 6)
    persist(bulk, batch_of(*[padded(32 * KIB)] * 16))
    assert 480 * KIB < server.sizes[0] < 512 * KIB
    assert [size // KIB for size in server.sizes[1:6]] == sorted((s // KIB for s in server.sizes[1:6]), reverse=True)
    assert 30 * KIB < server.sizes[6] <= 64 * KIB
    for _ in range(9):
        persist(bulk, batch_of(*[padded(32 * KIB)] * 16))
    assert max(server.sizes[6:]) == server.sizes[0]


def test_no_connection_is_no_reason_to_send_less() -> None:
    """The server never saw the request."""
    server = FakeServer()
    server.faults.extend(["unreached"] * 3)
    persist(Bulk(server, 512 * KIB), batch_of(*[padded(32 * KIB)] * 12))
    assert len(set(server.sizes)) == 1


def test_a_mapping_error_of_one_leaves_the_others_indexed() -> None:
    """Its type is the reason, and its causes the detail; what was raised says nothing of it."""
    server = FakeServer(numbers=frozenset({"n"}))
    batch = batch_of(b'{"n":1}', b'{"n":"canary"}', b'{"n":3}')
    assert persist(Bulk(server, KIB), batch) == []
    assert outcomes(batch) == [Outcome.INDEXED, Outcome.REJECTED, Outcome.INDEXED]
    [(_, rejected)] = batch.dead()
    assert rejected.reason == "mapper_parsing_exception"
    assert "failed to parse field [n]" in rejected.detail
    assert "illegal_argument_exception" in rejected.detail


def test_a_document_that_the_server_fails_on_alarms_and_its_neighbours_are_indexed() -> None:
    """It is no dead letter before somebody says so, and nothing else waits for it."""
    server = FakeServer()
    bulk, batch = Bulk(_Failing(server), KIB), batch_of(b"{}", b'{"fails":1}', b"{}")
    with pytest.raises(Stuck) as caught:
        bulk.send(batch)
    assert caught.value.operator
    assert outcomes(batch) == [Outcome.INDEXED, None, Outcome.INDEXED]
    caught.value.reject()
    assert [record.sequence_number for record, _ in batch.dead()] == ["1"]


def test_a_block_and_a_missing_index_alarm_and_wait() -> None:
    """No document is rejected for it, and all go through once it is mended."""
    server = FakeServer(creates_indices=False)
    bulk, batch = Bulk(server, KIB), batch_of(b"{}", b"{}")
    for kind in ("index_not_found_exception", "cluster_block_exception"):
        with pytest.raises(Unavailable, match=rf"bulk: 2 of 2 documents not taken \({kind} 2\)") as caught:
            bulk.send(batch)
        assert caught.value.operator
        assert caught.value.remedy
        server.indices["i"] = Index(blocked=True)
    server.indices["i"].blocked = False
    bulk.send(batch)
    assert outcomes(batch) == [Outcome.INDEXED] * 2


def test_a_fate_is_final() -> None:
    """What is decided is never sent again, whatever befalls the rest."""
    server = FakeServer(numbers=frozenset({"n"}))
    server.busy = lambda one: one == "2" and len(server.requests) < 5
    batch = batch_of(b'{"n":1}', b'{"n":"x"}', b'{"n":3}')
    persist(Bulk(server, KIB), batch)
    assert server.requests == [["0", "1", "2"]] + [["2"]] * 4
    assert outcomes(batch) == [Outcome.INDEXED, Outcome.REJECTED, Outcome.INDEXED]


def test_a_request_that_the_server_cannot_read_is_not_repeated() -> None:
    """It is our bug, and ends the process."""
    server = FakeServer()
    server.faults.append("400")
    with pytest.raises(Refused):
        Bulk(server, KIB).send(batch_of(b"{}"))


def test_a_long_way_through_a_batch_is_interrupted() -> None:
    """Whoever waits has a deadline to look at: after some seconds it is told of the progress, and goes on."""
    server, now = FakeServer(), [0.0]

    def clock() -> float:
        now[0] += 4
        return now[0]

    bulk = Bulk(server, 2 * KIB, clock)
    batch = batch_of(*[padded(KIB)] * 12)
    raised = persist(bulk, batch)
    assert raised
    assert all(one.progressed and not one.operator for one in raised)
    assert outcomes(batch) == [Outcome.INDEXED] * 12
