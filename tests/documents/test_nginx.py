r"""nginx's escapes are taken back, and no sender gains by them.

`logged` writes what nginx 1.x writes for a variable (`escape=default`): `"`, `\` and all but printable ASCII as `\xHH`.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.documents.decode import decode
from consumers.documents.document import Decoded
from tests.documents.cases import LIMITS, outcome


def logged(value: bytes) -> bytes:
    plain = range(0x20, 0x7F)
    return b"".join(bytes([byte]) if byte in plain and byte not in b'"\\' else b"\\x%02X" % byte for byte in value)


def documents(payload: bytes) -> list[dict[str, Any]]:
    found = decode(payload, LIMITS)
    assert isinstance(found, Decoded)
    assert found.repaired
    assert not any(b"\n" in document.source for document in found.documents)
    return [json.loads(document.source) for document in found.documents]


JSON = st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1) | st.none())


@given(JSON)
def test_a_body_that_was_escaped_whole_comes_back(fields: dict[str, Any]) -> None:
    """A body logged by nginx is the body that was sent, whatever it holds, newlines and backslashes included."""
    payload = logged(json.dumps(fields, ensure_ascii=False, indent=1).encode())
    if fields:  # without any string, nothing was escaped but newlines, which are no sign of nginx
        assert documents(payload) == [fields]


@given(st.lists(st.text(), min_size=1))
def test_variables_inside_a_template_come_back(values: list[str]) -> None:
    """A template of JSON with variables of nginx holds what was sent, as text."""
    fields = [b'"k%d":"%s"' % (index, logged(value.encode())) for index, value in enumerate(values)]
    payload = b"{" + b",".join(fields) + b"}"
    expected = {f"k{index}": value for index, value in enumerate(values)}
    if b"\\x" in payload:
        assert documents(payload) == [expected]
    else:
        assert outcome(decode(payload, LIMITS)) == 1


@pytest.mark.parametrize(
    "agent",
    [
        '","admin":"true',
        '"}{"admin":true',
        '"}\n{"admin":true}\n{"x":"',
        "\\",
        '\\","admin":true,"x":"',
        '\\\\","admin":true,"x":"',
        "\\x22,\\x22admin\\x22:true",
        "\\u0022,\\u0022admin\\u0022:true",
        "\x00\x1b[31m\r\n",
        "\u2028 \U0001f98a \ud7ff",
    ],
)
def test_what_a_sender_puts_into_a_variable_stays_text(agent: str) -> None:
    """No quote, backslash, newline or escape of a sender ends its string: no field is added, no document."""
    payload = b'{"status":200,"agent":"' + logged(agent.encode()) + b'","path":"/"}'
    assert documents(payload) == [{"status": 200, "agent": agent, "path": "/"}]
    body = logged(json.dumps({"agent": agent}).encode())
    assert documents(body) == [{"agent": agent}]


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"a":\x31}',  # outside of strings
        rb'{"a":1\x2C\x22admin\x22:true}',
        rb'{"a":1}\x0A{"b":2}',
        rb'{\x22a":1}',
        rb'{"a":"\xC3"}',  # no UTF-8
        rb'{"a":"\xED\xA0\x80"}',
        rb'{"a":"\xC0\xA2"}',
        rb'{"a":"\x2"}',  # no escape of nginx
        rb'{"a":"\xZZ"}',
        rb"{\x22a\x22:\x22\xFF\x22}",
        rb"{\x22a\x22:\x22\x5Cx22\x22}",  # what was sent, {"a":"\x22"}, was no JSON
        rb"{\x22a\x22:\x22\x0A\x22}",  # what was sent holds a raw newline in a string
        rb"{\x27a\x27:1}",
    ],
)
def test_what_is_not_json_after_the_repair_is_rejected(payload: bytes) -> None:
    """Where escapes stand at a wrong place, or make no JSON, nothing is guessed."""
    assert outcome(decode(payload, LIMITS)) == "json_invalid"


@given(JSON | st.lists(JSON) | st.text(), st.text())
def test_a_body_outside_of_strings_comes_back(body: Any, agent: str) -> None:
    """A variable that a template has without quotes is the JSON that was sent, beside variables inside strings."""
    sent = json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"
    payload = b'{"agent":"%b","body":%b,"status":200}' % (logged(agent.encode()), logged(sent))
    if b"\\x22" in payload:
        assert documents(payload) == [{"agent": agent, "body": body, "status": 200}]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            rb'{"ip":"192.0.2.1","body":{\x22event\x22:\x22play\x22}}',
            [{"ip": "192.0.2.1", "body": {"event": "play"}}],
        ),
        (rb'{"a":{"b":\x22\x5C\x22\x5C\x5Cx22\x22}}', [{"a": {"b": '"\\x22'}}]),
        (rb'{"a":  {\x22b\x22:[]}\x0D\x0A , "c":"\x22"}', [{"a": {"b": []}, "c": '"'}]),
        (rb'{"a":\x22\xC3\x84\x22,"b":\x22\x5Cu00e4\x22}', [{"a": "\u00c4", "b": "\u00e4"}]),
        (b'{"a":{\\x22b\\x22:1}}\n{"a":{\\x22b\\x22:2}}\n', [{"a": {"b": 1}}, {"a": {"b": 2}}]),
        (rb'{"a":"\\x22","b":{\x22c\x22:1}}', [{"a": "\\x22", "b": {"c": 1}}]),
    ],
)
def test_templates_of_several_kinds(payload: bytes, expected: list[dict[str, Any]]) -> None:
    """A text, an object, with whitespace around, beside JSON's own escapes, and a record of several lines."""
    assert documents(payload) == expected


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1},"admin":true',
        '{"a":1},"admin":{"b":1}',
        '{"a":1}}{"admin":true',
        '{"a":1}},{"admin":true',
        '{"a":1}}\n{"admin":true',
        '{"a":1}}\n{',
        '{"a":1}}{',
        '"a","admin":true',
        '1,"admin":true',
        'true}{"admin":1',
        '{"a":1}//',
        '{"a":"\\x22"}',
        '{"a":1',
        "{'a':\"1\"}",
        '"',
    ],
)
def test_a_sender_ends_no_value_and_begins_none(body: str) -> None:
    """Whatever a sender puts where the template has no quotes: it is one value of JSON, or the record is rejected."""
    for template in (b'{"ip":"a","body":%b}', b'{"body":%b,"ip":"a"}', b'[{"ip":"a","body":%b}]'):
        assert outcome(decode(template % logged(body.encode()), LIMITS)) == "json_invalid"


@pytest.mark.parametrize("payload", [rb'{"a":"\\x22,\\x22b"}', rb'{"a":"\\\\x41"}', rb'{"\\x5C":"\\\\\\x22"}'])
def test_valid_json_is_never_touched(payload: bytes) -> None:
    """A backslash that JSON itself escapes is text, also where x22 follows."""
    found = decode(payload, LIMITS)
    assert isinstance(found, Decoded)
    assert not found.repaired
    assert found.documents[0].source == payload
    assert found.documents[0].fields == json.loads(payload)


def test_an_escaped_backslash_beside_an_escape_of_nginx() -> None:
    r"""`\\x22` of the template is text; `\x22` beside it is a quote."""
    assert documents(rb'{"a":"\\x22\x22\\\x5C"}') == [{"a": '\\x22"\\\\'}]


def test_other_reasons_still_apply() -> None:
    """A repaired record is read as strictly as any other."""
    assert outcome(decode(rb"{\x22a\x22:1,\x22a\x22:2}", LIMITS)) == "duplicate_key"
    assert outcome(decode(rb"[\x22a\x22]", LIMITS)) == "not_object"
    assert outcome(decode(rb"[{\x22a\x22:1},{\x22a\x22:2}]", LIMITS)) == 2
    assert outcome(decode(rb"{\x22a\x22:1}{\x22a\x22:2}", LIMITS)) == 2
    assert outcome(decode(rb'{"a":"\x22","b":"\ud800"}', LIMITS)) == "surrogate"
