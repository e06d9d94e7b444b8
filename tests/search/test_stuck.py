"""A document that a server never takes, whatever it says instead: it is found, named, and let through on a word.

While others are taken it is the document's fault; where nothing is taken it is the server's, and all of it waits.
"""

import random
from typing import Any

import pytest

from consumers.search.answers import Refused
from consumers.search.bulk import MOST_TIMES, TRIES_ALONE, Bulk, Stuck
from consumers.search.items import Outcome
from consumers.search.server import NoAnswer
from consumers.waiting import Unavailable
from tests.search.fake_server import FakeServer, Fault
from tests.search.test_bulk import KIB, batch_of, outcomes, persist

CULPRIT = b'{"culprit":1}'
WHOLE: tuple[Fault, ...] = ("unsent", "429", "503", "page", "400")
MOST_TRIES = 60


def tripping(fault: Fault) -> FakeServer:
    """Give a server that answers so whenever that document is among those sent."""
    server = FakeServer()
    server.trips = lambda source: fault if b"culprit" in source else None
    return server


def until_stuck(bulk: Bulk, batch: Any) -> tuple[Stuck, list[Unavailable]]:
    """Send until an operator is told of documents; what was raised before."""
    raised: list[Unavailable] = []
    for _ in range(MOST_TRIES):
        try:
            bulk.send(batch)
        except Stuck as stuck:
            return stuck, raised
        except Unavailable as fault:
            raised.append(fault)
        else:
            pytest.fail("all of it was taken")
    pytest.fail(f"not named within {MOST_TRIES} tries: {raised[-1]}")


@pytest.mark.parametrize(("slow", "times"), [(b"culprit", MOST_TIMES), (b"", 2)], ids=["with one", "with all"])
def test_a_slow_server_has_more_time(slow: bytes, times: int) -> None:
    """A document alone, that cannot be made smaller, gets through where each takes long, or it alone; none is named."""
    server = FakeServer()
    server.takes_times = lambda source: times if slow in source else 0
    batch = batch_of(*[b"{}"] * 20, CULPRIT, *[b"{}"] * 20)
    raised = persist(Bulk(server, 64 * KIB), batch, 400)
    assert not [fault for fault in raised if fault.operator]
    assert outcomes(batch) == [Outcome.INDEXED] * 41


@pytest.mark.parametrize("fault", WHOLE)
@pytest.mark.parametrize("at", [0, 70, 199])
def test_a_document_that_fails_each_request_is_found(fault: Fault, at: int) -> None:
    """The others are taken first, each once; the one is named, with size and reason, and passes on a word."""
    server = tripping(fault)
    sources = [b"{}"] * 200
    sources[at] = CULPRIT
    batch = batch_of(*sources)
    bulk = Bulk(server, 64 * KIB)
    stuck, raised = until_stuck(bulk, batch)
    assert stuck.operator
    assert f"{at}:0 of {len(batch.documents[at].lines)} bytes" in stuck.reason
    assert "let-through --stuck" in stuck.remedy
    assert "culprit" not in stuck.reason
    assert [entry.outcome is None for entry in batch.documents] == [number == at for number in range(200)]
    assert sorted(server.ids(), key=int) == [str(number) for number in range(200) if number != at]
    assert len(raised) + len(server.requests) < 10 * MOST_TRIES
    stuck.reject()
    batch.forget_settled()
    bulk.send(batch)
    [(record, rejected)] = batch.dead()
    assert record.sequence_number == str(at)
    assert rejected.reason
    server.sizes.clear()
    persist(bulk, batch_of(*[b"{}"] * 200))
    assert len(server.sizes) < 10, "what was slow for one is not slow for all"


def test_a_document_that_answers_429_alone_is_found() -> None:
    """Also where the answer is to the one item, and the others of its request are taken."""
    server = FakeServer()
    server.busy = lambda one: one == "3"
    batch = batch_of(*[b"{}"] * 9)
    stuck, _ = until_stuck(Bulk(server, KIB), batch)
    assert "3:0 of" in stuck.reason
    assert "es_rejected_execution_exception" in stuck.reason
    stuck.reject()
    assert [rejected.reason for _, rejected in batch.dead()] == ["es_rejected_execution_exception"]
    assert outcomes(batch).count(Outcome.INDEXED) == 8


def test_documents_that_answer_429_together_are_found() -> None:
    """Where none of a request is taken, less is sent, down to one document at a time."""
    server = FakeServer()
    server.busy = lambda one: one in "37"
    batch = batch_of(*[b"{}"] * 9)
    bulk = Bulk(server, KIB)
    for _ in range(4):
        if batch.pending:
            stuck, _ = until_stuck(bulk, batch)
            stuck.reject()
            batch.forget_settled()
    assert {record.sequence_number for record, _ in batch.dead()} == {"3", "7"}


@pytest.mark.parametrize("fault", ["unsent", "429", "page"])
def test_one_document_alone_in_its_batch(fault: Fault) -> None:
    """A process that begins just before it has no other: what is no document shows that the server goes on."""
    server = tripping(fault)
    server.trips = lambda source: fault if len(source) > KIB else None
    batch = batch_of(b'{"large":"%b"}' % (b"x" * 2 * KIB))
    stuck, _ = until_stuck(Bulk(server, 64 * KIB), batch)
    assert "0:0 of" in stuck.reason
    assert server.ids() == [], "nothing was written to find it out"


@pytest.mark.parametrize("fault", ["unsent", "429", "503", "page"])
@pytest.mark.parametrize("documents", [1, 2, 3, 30])
def test_a_server_that_takes_nothing_is_waited_for(fault: Fault, documents: int) -> None:
    """However long: no document is named, none is rejected, and all go through once it is well."""
    server = FakeServer()
    server.trips = lambda _: fault
    batch = batch_of(*[b"{}"] * documents)
    bulk = Bulk(server, 64 * KIB)
    for _ in range(5 * MOST_TRIES):
        with pytest.raises(Unavailable) as caught:
            bulk.send(batch)
        assert not isinstance(caught.value, Stuck)
    assert outcomes(batch) == [None] * documents
    server.trips = lambda _: None
    persist(bulk, batch)
    assert sorted(server.ids(), key=int) == [str(number) for number in range(documents)]


def test_two_documents() -> None:
    """Both are named."""
    server = tripping("unsent")
    batch = batch_of(CULPRIT, *[b"{}"] * 20, CULPRIT)
    stuck, _ = until_stuck(Bulk(server, 64 * KIB), batch)
    assert "0:0 of" in stuck.reason
    for _ in range(3):
        stuck.reject()
        batch.forget_settled()
        if not batch.pending:
            break
        stuck, _ = until_stuck(Bulk(server, 64 * KIB), batch)
    assert {record.sequence_number for record, _ in batch.dead()} == {"0", "21"}


def test_a_document_that_is_taken_after_all() -> None:
    """A server that was ill for some tries makes no dead letter, and doubts none afterwards."""
    server = FakeServer()
    batch = batch_of(*[b"{}"] * 3)
    server.faults.extend(["unsent"] * (TRIES_ALONE - 1))
    raised = persist(Bulk(server, 64 * KIB), batch)
    assert all(isinstance(one, NoAnswer) for one in raised)
    assert set(outcomes(batch)) <= {Outcome.INDEXED, Outcome.DUPLICATE}


def test_what_no_server_can_read_ends_the_process() -> None:
    """Where it reads none of several documents it is our bug."""
    server = FakeServer()
    server.trips = lambda _: "400"
    bulk, batch = Bulk(server, 64 * KIB), batch_of(*[b"{}"] * 20)
    with pytest.raises(Refused):
        bulk.send(batch)
    assert len(server.requests) < MOST_TRIES


@pytest.mark.parametrize("seed", range(20))
def test_any_mixture_comes_to_an_end(seed: int) -> None:
    """Faults of the server and of documents at once: each healthy document stands once, and only culprits are named."""
    chance = random.Random(seed)
    sources = [CULPRIT if chance.random() < 0.05 else b'{"n":%d}' % number for number in range(100)]
    server = tripping(chance.choice(WHOLE))
    server.faults.extend(chance.choices(["unsent", "lost", "429", "html", "short", None], k=30))
    batch, bulk = batch_of(*sources), Bulk(server, 8 * KIB)
    for _ in range(2000):
        try:
            bulk.send(batch)
        except Stuck as stuck:
            stuck.reject()
            batch.forget_settled()
        except Unavailable:
            continue
        if not batch.pending:
            break
    assert not batch.pending
    assert {int(record.sequence_number) for record, _ in batch.dead()} == {
        number for number, source in enumerate(sources) if source == CULPRIT
    }
    assert sorted(map(int, server.ids())) == [number for number, source in enumerate(sources) if source != CULPRIT]
