"""What the answer to a whole request means: unknown is never success, and data never stands in a message."""

import json
from typing import Any

import pytest

from consumers.search.answers import Busy, Refused, TooLarge, items_of
from consumers.search.items import Item, ItemError, Outcome, outcome_of
from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable

CANARY = "canary-5f1c"


def bulk(*items: dict[str, Any], errors: bool) -> Answer:
    """Make a bulk answer."""
    return Answer(200, json.dumps({"errors": errors, "items": [{"create": item} for item in items]}).encode(), "")


def failed(status: int, kind: str) -> bytes:
    """Make the body of a whole failure."""
    return json.dumps({"error": {"type": kind, "reason": CANARY}, "status": status}).encode()


def test_all_indexed_leaves_nothing_to_look_at() -> None:
    """The usual answer costs no more than a look."""
    assert items_of(bulk({"status": 201}, {"status": 200, "result": "created"}, errors=False), 2) is None


def test_what_a_failure_store_took_has_an_id_of_its_own() -> None:
    """It is no answer to another document: the record becomes a dead letter, and does not wait for ever."""
    lines = [b'{"create":{"_id":"a:1"}}\n{}\n', b'{"create":{"_id":"a:2"}}\n{}\n']
    aside = {"status": 201, "_id": "dOjUmJYBMOBMmGvpk8o2", "failure_store": "used"}
    items = items_of(bulk({"status": 201, "_id": "a:1"}, aside, errors=False), 2, lines)
    assert items
    assert [outcome_of(item) for item in items] == [Outcome.INDEXED, Outcome.REJECTED]


@pytest.mark.parametrize("bare", [{"status": 201}, {"status": 201, "_id": ""}, {"status": 409}])
def test_an_item_without_an_id_among_others_says_nothing(bare: dict[str, Any]) -> None:
    """A server that names documents names each."""
    lines = [b'{"create":{"_id":"a:1"}}\n{}\n', b'{"create":{"_id":"a:2"}}\n{}\n']
    with pytest.raises(NoAnswer, match="other documents"):
        items_of(bulk({"status": 201, "_id": "a:1"}, bare, errors=False), 2, lines)


def test_items_come_in_the_order_of_the_documents() -> None:
    """Each document gets its own word."""
    refused = {"status": 400, "error": {"type": "a", "reason": "b"}}
    assert items_of(bulk({"status": 201}, refused, errors=True), 2) == [Item(201), Item(400, ItemError("a", "b"))]


@pytest.mark.parametrize("lie", [{"status": 429}, {"status": 201, "error": {"type": "a"}}])
def test_errors_false_is_not_taken_at_its_word(lie: dict[str, Any]) -> None:
    """An item that failed is seen although the answer says that none did."""
    items = items_of(bulk({"status": 201}, lie, errors=False), 2)
    assert items is not None
    assert len(items) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>canary-5f1c</html>",
        b'{"canary-5f1c": 1}',
        b'{"errors":false}',
        b'{"errors":false,"items":[{"index":{"status":201}}]}',
        b'{"errors":false,"items":[{"create":{"status":"canary-5f1c"}}]}',
        b'{"errors":false,"items":[]}',
        b'{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}',
        b'{"errors":false,"items":' + b"[" * 100_000,
        b'{"errors":true,"items":[{"create":{"status":400,"error":' + b'{"caused_by":' * 100_000,
        b"\xff\xfe",
        b'{"errors":false,"items":[{"create":{"status":201,"error":{"type":"\xff"}}}]}',
    ],
    ids=lambda body: repr(body[:60]),
)
def test_what_is_no_answer_to_one_document_is_sent_again(body: bytes) -> None:
    """A proxy's page, garbage and a wrong number of items prove nothing, alarm, and are not quoted."""
    with pytest.raises(NoAnswer) as caught:
        items_of(Answer(200, body, "text/html"), 1)
    assert caught.value.operator
    assert CANARY not in f"{caught.value}{caught.value.reason}{caught.value.remedy}"


def test_what_answers_other_documents_is_sent_again() -> None:
    """As an answer to another request does, with as many items as were sent."""
    lines = [b'{"create":{"_index":"i","_id":"a:1"}}\n{"_id":"b"}\n', b'{"create":{"_index":"i","_id":"a:2"}}\n{}\n']
    ours = bulk({"status": 201, "_id": "a:1"}, {"status": 201, "_id": "a:2"}, errors=False)
    assert items_of(ours, 2, lines) is None
    for one, two in (("a:2", "a:1"), ("a:1", "b:2"), ("a:1", "a"), ("b", "a:2")):
        with pytest.raises(NoAnswer):
            items_of(bulk({"status": 201, "_id": one}, {"status": 201, "_id": two}, errors=False), 2, lines)


def test_errors_without_an_error_are_sent_again() -> None:
    """An answer that contradicts itself proves nothing."""
    with pytest.raises(NoAnswer):
        items_of(bulk({"status": 201}, errors=True), 1)


@pytest.mark.parametrize("body", [b"", b"<html>", failed(413, "too_large")])
def test_413_means_less_at_once(body: bytes) -> None:
    """Whoever says it, and with whatever body."""
    with pytest.raises(TooLarge):
        items_of(Answer(413, body, ""), 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_waited_for_without_an_alarm(status: int) -> None:
    """It mends itself; the error's type is told, and its reason, which may hold data, is not."""
    with pytest.raises(Busy) as caught:
        items_of(Answer(status, failed(status, "circuit_breaking_exception"), ""), 1)
    assert str(caught.value).startswith(f"bulk: HTTP {status} circuit_breaking_exception")
    assert not caught.value.operator
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 406, 204, 418])
@pytest.mark.parametrize("body", [b"", b"<html>canary-5f1c", failed(401, "security_exception"), b"[" * 100_000])
def test_what_an_operator_must_mend_alarms_with_a_remedy(status: int, body: bytes) -> None:
    """Neither a dead letter nor an exit: the records wait."""
    with pytest.raises(Unavailable) as caught:
        items_of(Answer(status, body, ""), 1)
    assert caught.value.operator
    assert caught.value.remedy
    assert type(caught.value) is Unavailable
    assert CANARY not in str(caught.value)


def test_a_request_that_the_server_cannot_read_is_our_bug() -> None:
    """It ends the process, as waiting would not mend it; a proxy's page of the same status waits."""
    with pytest.raises(Refused) as caught:
        items_of(Answer(400, failed(400, "illegal_argument_exception"), ""), 1)
    assert str(caught.value) == "bulk: HTTP 400 illegal_argument_exception"
    with pytest.raises(Unavailable):
        items_of(Answer(400, b"<html>Bad Request</html>", "text/html"), 1)
