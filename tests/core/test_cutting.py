"""A line is cut by brackets and quotes, whatever its parts hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.kcl.cutting import Uncut, elements, members
from consumers.letters.trial import End, try_apart

values = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.lists(values), st.booleans())
def test_elements_are_those_of_json(given_values: list[object], spaced: bool) -> None:
    """Quotes, escapes and brackets within them are no ends of anything."""
    text = json.dumps(given_values, indent=1 if spaced else None).encode()
    assert [json.loads(part) for part in elements(text)] == given_values


def test_what_is_no_json_is_a_part_all_the_same() -> None:
    """Bytes come out as they went in."""
    text = b'{"action":"processRecords", "records" : [{"a":NaN}, {"\xff":"\\ud800"},null ,"]}"],"millisBehindLatest":0}'
    parts = members(text)
    assert [*parts] == ["action", "records", "millisBehindLatest"]
    assert elements(parts["records"]) == [b'{"a":NaN}', b'{"\xff":"\\ud800"}', b"null", b'"]}"']


@pytest.mark.parametrize("text", [b"", b"[", b"[1,2", b"[1]]", b"[}", b'["]', b"{}", b"1", b"[1] 2"])
def test_what_is_no_list_is_not_cut(text: bytes) -> None:
    """The line was cut short, or is none of the protocol."""
    with pytest.raises(Uncut):
        elements(text)
    with pytest.raises(Uncut):
        members(b'{"records":' + text)


@pytest.mark.parametrize("text", [b"A" * (10 << 20), b'\\"' * (5 << 20)], ids=["plain", "escapes"])
def test_a_long_text_takes_no_memory_for_each_of_its_bytes(text: bytes) -> None:
    """The largest record stands beside one that is no JSON: eight shards of a host that meet it go on."""
    line = b'{"records":[{"data":"%s"},NaN]}' % text
    ending = try_apart(lambda: elements(members(line)["records"]), room_bytes=100 << 20)
    assert ending.end is End.SURVIVED, ending.how
