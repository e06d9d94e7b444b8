"""From a record to its lines: one document, one id, the record's own bytes, and a request that is not broken."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from consumers.documents.decode import Limits
from consumers.documents.document import Rejected
from consumers.records import HOUR_MS, Position, Record
from consumers.search.judge import Judge
from consumers.search.shape import Shape, conditions_of, paths_of, renames_of

ARRIVAL_MS = 1_700_000_000_123


def judge(**shape: Any) -> Judge:
    """Make a judge whose indices are called by the hour's number."""
    return Judge("s", "shardId-1", lambda hour: f"e-{hour}", Shape(**shape), Limits())


def record(data: bytes, sequence: int = 7, sub: int = 0) -> Record:
    """Make a record."""
    return Record(data, "key", str(sequence), ARRIVAL_MS, sub)


def pairs(judged: object) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Read lines as the server does: two each, and the same names twice in an object are an error."""
    assert isinstance(judged, tuple)
    found = []
    for lines in judged:
        assert lines.count(b"\n") == 2
        action, source, rest = lines.split(b"\n")
        assert rest == b""
        found.append(
            (json.loads(action, object_pairs_hook=_once)["create"], json.loads(source, object_pairs_hook=_once))
        )
    return found


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(items)) == len(items)
    return dict(items)


def test_the_records_bytes_follow_the_time_of_arrival() -> None:
    """Numbers and escapes stay as the producer wrote them."""
    action = b'{"create":{"_index":"e-472222","_id":"s:shardId-1:7:0"}}\n'
    source = b'{"@timestamp":1700000000123,"n":1.50e3,"s":"\\u00e9\\/"}\n'
    assert judge().judge(record(b'{"n":1.50e3,"s":"\\u00e9\\/"}')) == (action + source,)


@pytest.mark.parametrize("payload", [b'{"@timestamp":5}', b'{"\\u0040timestamp":5,"a":1}'])
def test_a_documents_own_time_is_not_replaced(payload: bytes) -> None:
    """Nor doubled, however its name is spelt."""
    [(_, document)] = pairs(judge().judge(record(payload)))
    assert document["@timestamp"] == 5


@pytest.mark.parametrize("payload", [b"{}", b" { } ", b"{\n}"])
def test_an_empty_object_is_a_document_with_a_time(payload: bytes) -> None:
    """No comma is left without a field."""
    [(_, document)] = pairs(judge().judge(record(payload)))
    assert document == {"@timestamp": ARRIVAL_MS}


def test_a_newline_between_tokens_does_not_break_the_request() -> None:
    """JSON allows it, and a bulk request would end the document there."""
    [(_, document)] = pairs(judge().judge(record(b'\r\n{\n"a"\r\n:\n[1,\n2]}\n')))
    assert document == {"@timestamp": ARRIVAL_MS, "a": [1, 2]}


@given(
    st.lists(
        st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1) | st.none()), min_size=1, max_size=4
    )
)
def test_every_document_is_two_lines_whatever_it_holds(documents: list[dict[str, Any]]) -> None:
    """Any keys and texts, several documents a record, whitespace between: it reads as it was put."""
    payload = "\n".join(json.dumps(one, indent=1) for one in documents).encode()
    judged = judge().judge(record(payload))
    if isinstance(judged, Rejected):  # half of a surrogate pair, as json.dumps writes it
        assert judged.reason == "surrogate"
        return
    assert [document for _, document in pairs(judged)] == [{"@timestamp": ARRIVAL_MS} | one for one in documents]


def test_ids_are_the_same_at_each_delivery_and_differ_by_record_and_document() -> None:
    """A second delivery meets the first one's document, and no other record does."""
    records = [record(b'{"a":1}{"a":2}{"a":3}', sequence, sub) for sequence in (7, 70) for sub in (0, 1, 10)]
    ids = [action["_id"] for one in records for action, _ in pairs(judge().judge(one))]
    assert len(set(ids)) == len(ids) == 18
    assert ids == [action["_id"] for one in records for action, _ in pairs(judge().judge(one))]


def test_a_filter_does_not_shift_the_ids_of_those_that_pass() -> None:
    """A filter that changes between two deliveries doubles nothing."""
    payload = record(b'{"event":"heartbeat"}{"event":"play"}')
    every = [action["_id"] for action, _ in pairs(judge().judge(payload))]
    some = [action["_id"] for action, _ in pairs(judge(exclude=conditions_of("event=heartbeat")).judge(payload))]
    assert some == every[1:]


def test_the_index_is_that_of_the_hour_of_arrival() -> None:
    """Also where records come out of order."""
    mine = judge()
    hours = [5, 6, 5]
    records = [Record(b"{}", "k", str(hour), hour * HOUR_MS + 9, 0) for hour in hours]
    assert [pairs(mine.judge(one))[0][0]["_index"] for one in records] == ["e-5", "e-6", "e-5"]


def test_what_is_left_out_on_purpose_is_no_line_and_no_letter() -> None:
    """It counts as filtered."""
    assert judge(include=conditions_of("event=play")).judge(record(b'{"event":"stop"}{}')) == ()


@pytest.mark.parametrize(
    ("shape", "payload", "expected"),
    [
        ({"keep": paths_of("event")}, b'{"a":1}', {"@timestamp": ARRIVAL_MS}),
        ({"keep": paths_of("event")}, b'{"@timestamp":5,"event":1}', {"@timestamp": ARRIVAL_MS, "event": 1}),
        ({"keep": paths_of("ts"), "rename": renames_of("ts:@timestamp")}, b'{"ts":5,"a":1}', {"@timestamp": 5}),
        ({"drop": paths_of("@timestamp")}, b'{"@timestamp":5}', {"@timestamp": ARRIVAL_MS}),
        ({"drop": paths_of("a")}, b'{"a":1}', {"@timestamp": ARRIVAL_MS}),
    ],
)
def test_a_shaped_document_has_one_time_too(shape: dict[str, Any], payload: bytes, expected: dict[str, Any]) -> None:
    """It is spliced by what is left of it, not by what came."""
    assert [document for _, document in pairs(judge(**shape).judge(record(payload)))] == [expected]


def test_a_conflict_rejects_the_whole_record() -> None:
    """A record fails alone, and as a whole; the detail holds nothing of it."""
    judged = judge(rename=renames_of("a:b")).judge(record(b'{"a":"canary","b":1}{}'))
    assert isinstance(judged, Rejected)
    assert judged.reason == "field_conflict"
    assert "canary" not in judged.detail


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{", b'{"a":1,"a":2}', b"null"])
def test_what_is_no_document_is_rejected_and_never_raised(payload: bytes) -> None:
    """Whatever strangers send, the process lives."""
    assert isinstance(judge().judge(record(payload)), Rejected)


def test_a_condemned_record_is_not_tried() -> None:
    """It would end the process again; its neighbours are tried."""
    mine = judge()
    mine.condemned = {Position(7, 0): "kills_process"}
    condemned = mine.judge(record(b"{}"))
    assert isinstance(condemned, Rejected)
    assert condemned.reason == "kills_process"
    assert isinstance(mine.judge(record(b"{}", sub=1)), tuple)


NUMBERS = b'"n":[1.10,-0,-0.0,1e5,1E+05,0.1234567890123456789,1E400,1e-400,18446744073709551615,1234567890123456789012]'
DEEP = b'{"x":{"y":{"z":{"a":{"b":{"c":{"d":{"e":{%b}}}}}}}}}' % NUMBERS
WAYS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda text: text,
    "over several lines": lambda text: text.replace(b",", b"\n,\n"),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": zstd.compress,
    "in a list": lambda text: b"[" + text + b"]",
    "a line of several": lambda text: text + b"\n{}\n",
    "before another": lambda text: text + b"{}",
    "by an nginx": lambda text: text.replace(b'"', b"\\x22"),
    "inside of a template of nginx": lambda text: text.replace(b'"u"', b'"\\xC3\\xA4"'),
    "with a number of 5,000 digits": lambda text: text[:-1] + b',"l":' + b"7" * 5_000 + b"}",
    "large": lambda text: text[:-1] + b',"l":"' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("document", [b'{"event":"play","user":"u",%b}' % NUMBERS, DEEP[:-1] + b',"user":"u"}'])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"drop": paths_of("user")},
        {"keep": paths_of("n, x, l")},
        {"rename": renames_of("user:u")},
        {"rename": renames_of("x:z.x, n:z.n")},
        {"exclude": conditions_of("user=5")},
    ],
    ids=str,
)
def test_each_digit_of_a_number_is_as_it_came(way: str, document: bytes, shape: dict[str, Any]) -> None:
    """Whichever way a document came, and whatever is made of its other fields."""
    judged = judge(**shape).judge(record(WAYS[way](document)))
    assert isinstance(judged, tuple)
    assert NUMBERS[4:].replace(b",", b"") in judged[0].replace(b"\n", b"").replace(b" ", b"").replace(b",", b"")


def test_a_list_of_events_is_as_many_documents() -> None:
    """Each with its place in the record; one that is none makes all of it a dead letter."""
    found = pairs(judge().judge(record(b'[{"a":1},\n{"a":2},{"a":3}]')))
    assert [action["_id"] for action, _ in found] == ["s:shardId-1:7:0", "s:shardId-1:7:0:1", "s:shardId-1:7:0:2"]
    assert [document["a"] for _, document in found] == [1, 2, 3]
    assert found == pairs(judge().judge(record(b'{"a":1}\n{"a":2}\n{"a":3}')))
    mixed = judge().judge(record(b'[{"a":1},"a"]'))
    assert isinstance(mixed, Rejected)
    assert mixed.reason == "not_object"


def test_a_field_of_too_large_a_list_is_not_looked_for() -> None:
    """The record is a dead letter, and what no key leads into is indexed whatever its size."""
    large = b'{"items":[' + b'{"x":1,"y":2},' * 60_000 + b'{"x":1}],"a":1}'
    judged = judge(drop=paths_of("items.x")).judge(record(large))
    assert isinstance(judged, Rejected)
    assert judged.reason == "too_many_values"
    for shape in ({"drop": paths_of("a")}, {"drop": paths_of("items.z")}, {"keep": paths_of("items")}):
        assert isinstance(judge(**shape).judge(record(large)), tuple)
