"""Each kind of payload has one outcome, and none raises."""

import json
from dataclasses import replace

import pytest

from consumers.documents.decode import FAST_DEPTH, Limits, decode
from consumers.documents.document import Decoded, Document, Rejected
from tests.documents.cases import CASES, EVENT, LIMITS, nested, outcome, wrong


def naive(payload: bytes, _limits: Limits) -> Decoded:
    """Decode as a first version would: the standard library's defaults, and no look at what comes out."""
    return Decoded([Document(payload, json.loads(payload))])


@pytest.mark.parametrize("name", CASES)
def test_outcome(name: str) -> None:
    """The payload becomes the documents, or is rejected for the reason, that the table names."""
    payload, expected = CASES[name]
    assert outcome(decode(payload, LIMITS)) == expected


def test_the_cases_tell_a_naive_decoder_from_ours() -> None:
    """Negative control: json.loads alone takes what servers cannot hold, and raises what nobody awaits."""
    caught = set(wrong(naive))
    assert {
        "NaN",
        "a byte order mark before several",
        "UTF-16",
        "a list of objects",
        "a key twice",
        "half a surrogate pair",
        "10,000 digits",
        "5,000 deep",
        "gzip",
        "documents that touch",
        "no bytes",
    } <= caught
    assert not {"one object", "whitespace around", "escapes of every kind"} & caught


@pytest.mark.parametrize("name", [name for name, (_, expected) in CASES.items() if isinstance(expected, str)])
def test_details_hold_no_data(name: str) -> None:
    """What is said of a rejected record may be logged: it is plain, short, and quotes nothing of a distinctive text."""
    payload = CASES[name][0]
    found = decode(payload, LIMITS)
    assert isinstance(found, Rejected)
    assert found.detail.isascii()
    assert found.detail.isprintable()
    assert 0 < len(found.detail) < 100
    for text in (b'{"secretive": 1 secretive}', b'{"a":"\\secretive"}', b'{"secretive":1,"secretive":2}', b"secretive"):
        rejected = decode(text, LIMITS)
        assert isinstance(rejected, Rejected)
        assert "secretive" not in rejected.detail


def test_the_offset_is_in_bytes() -> None:
    """A rejection names the byte at which the payload stops being JSON, also behind text that is not ASCII."""
    assert decode('{"ä":"🦊",x}'.encode(), LIMITS) == Rejected("json_invalid", "not JSON at byte 13")
    assert decode(b'{"a":"\xff"}', LIMITS) == Rejected("json_invalid", "not UTF-8 at byte 6")


@pytest.mark.parametrize("depth", [1, 2, FAST_DEPTH - 1, FAST_DEPTH, FAST_DEPTH + 1, 300])
def test_the_depth_limit_is_exact(depth: int) -> None:
    """Whatever the limit is: that deep is taken, and one deeper is not."""
    limits = replace(LIMITS, max_depth=depth)
    assert outcome(decode(nested(depth), limits)) == 1
    assert outcome(decode(nested(depth + 1), limits)) == "too_deep"
    assert outcome(decode(nested(depth) + b"\n" + nested(depth + 1), limits)) == "too_deep"


def test_a_limit_above_what_python_nests() -> None:
    """A limit that no parser can hold rejects as too deep, and does not raise."""
    limits = replace(LIMITS, max_depth=1_000_000)
    assert outcome(decode(nested(100_000), limits)) == "too_deep"


def test_sources_are_the_records_own_bytes() -> None:
    """Numbers, escapes and spaces stay as they came; only newlines between tokens become spaces."""
    found = decode(b'\n{"a":1.50,\r\n"b":"\\u00e9\\/\\n",\n "c":1E2}\n{"d":-0}{"e":0.10}', LIMITS)
    assert isinstance(found, Decoded)
    assert [document.source for document in found.documents] == [
        b'{"a":1.50,  "b":"\\u00e9\\/\\n",  "c":1E2}',
        b'{"d":-0}',
        b'{"e":0.10}',
    ]
    assert [list(document.fields) for document in found.documents] == [["a", "b", "c"], ["d"], ["e"]]


def test_a_documents_bytes_are_not_copied() -> None:
    """The usual event costs no copy: its source is the payload itself."""
    found = decode(EVENT, LIMITS)
    assert isinstance(found, Decoded)
    assert found.documents[0].source is EVENT
    assert found.documents[0].read == json.loads(EVENT)
    assert not found.repaired
