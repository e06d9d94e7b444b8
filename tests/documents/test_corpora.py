"""Strangers' collections: each file of the JSON test suite has a known outcome, each naughty string comes through.

`outcomes.json` names the outcome of each file twice: as it is, and as the value of an object. It was written once by
the decoder, and then held against the suite's own verdict by the tests here.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Decoded
from tests.documents.cases import LIMITS, outcome
from tests.documents.test_outcomes import naive
from tests.support.corpora import json_test_suite, naughty_strings

BLANK = {"n_structure_no_data.json", "n_single_space.json", "n_structure_UTF8_BOM_no_data.json"}
# "\x00" is no JSON, and it is how nginx writes a NUL inside a string: it is repaired.
REPAIRED = "n_string_escape_x.json"


@cache
def outcomes() -> dict[str, dict[str, int | str]]:
    table: dict[str, dict[str, int | str]] = json.loads((Path(__file__).parent / "outcomes.json").read_text())
    return table


def embedded(text: bytes) -> bytes:
    return b'{"v": ' + text + b"}"


def found(text: bytes) -> dict[str, int | str]:
    return {"raw": outcome(decode(text, LIMITS)), "embedded": outcome(decode(embedded(text), LIMITS))}


def expected_of(value: Any) -> int | str:
    """Give the outcome of a value that is JSON and keeps our rules."""
    if isinstance(value, list) and all(isinstance(member, dict) for member in value):
        return len(value) or "empty"
    return 1 if isinstance(value, dict) else "not_object"


def test_the_suite_is_whole() -> None:
    """All 318 files are there: 95 that are JSON, 188 that are not, 35 left to the parser."""
    assert Counter(name[0] for name in json_test_suite()) == {"y": 95, "n": 188, "i": 35}
    assert outcomes().keys() == json_test_suite().keys()


def test_each_file_has_its_outcome() -> None:
    """Every file, as it is and as the value of an object, has the outcome of the table."""
    assert {name: found(text) for name, text in json_test_suite().items()} == outcomes()


def test_the_table_follows_the_suite() -> None:
    """What is no JSON is json_invalid, but for what is blank and what nginx may have written.

    What is JSON is taken, or rejected by a rule of ours.
    """
    ours = {"y_object_duplicated_key.json": "duplicate_key", "y_object_duplicated_key_and_value.json": "duplicate_key"}
    for name, text in json_test_suite().items():
        raw, inside = outcomes()[name]["raw"], outcomes()[name]["embedded"]
        if name == REPAIRED:
            assert (raw, inside) == ("not_object", 1)
        elif name.startswith("n_"):
            assert raw == ("empty" if name in BLANK else "json_invalid"), name
            assert inside == "json_invalid", name
        elif name.startswith("y_"):
            assert raw == ours.get(name, expected_of(json.loads(text))), name
            assert inside == ours.get(name, 1), name


def test_what_the_suite_leaves_open_is_decided() -> None:
    """Inside, marks and other encodings are no JSON; half pairs and great depth have a reason; numbers are taken."""
    verdicts = Counter(outcomes()[name]["embedded"] for name in json_test_suite() if name.startswith("i_"))
    assert verdicts == {"json_invalid": 14, "surrogate": 10, "too_deep": 1, 1: 10}
    taken = {name for name in outcomes() if name.startswith("i_") and outcomes()[name]["embedded"] == 1}
    assert taken == {name for name in json_test_suite() if name.startswith("i_number_")}


def test_the_suite_tells_a_naive_decoder_from_ours() -> None:
    """Negative control: json.loads alone gives other outcomes, and raises what is no ValueError."""
    different, raised = set[str](), set[str]()
    for name, text in json_test_suite().items():
        try:
            if outcome(naive(text, LIMITS)) != outcomes()[name]["raw"]:
                different.add(name)
        except Exception as fault:  # noqa: BLE001 - whatever it raises
            raised.add(type(fault).__name__)
    assert {"n_number_NaN.json", "i_string_1st_surrogate_but_2nd_missing.json"} <= different
    assert {"JSONDecodeError", "UnicodeDecodeError", "RecursionError"} <= raised


@pytest.mark.parametrize("ascii_only", [False, True])
def test_naughty_strings_come_through(ascii_only: bool) -> None:
    """Each of the 485 strings, as key and as value, is in the fields as it was sent, and in the source."""
    strings = naughty_strings()
    assert len(strings) == 485
    for text in strings:
        payload = json.dumps({text: {text: [text]}}, ensure_ascii=ascii_only).encode()
        decoded = decode(payload, Limits())
        assert isinstance(decoded, Decoded)
        (document,) = decoded.documents
        assert document.fields == {text: {text: [text]}}
        assert document.source == payload
        assert not decoded.repaired


def test_naughty_strings_as_payloads() -> None:
    """Each of the strings as a whole payload is rejected, or is the JSON that it looks like."""
    taken = {text for text in naughty_strings() if isinstance(outcome(decode(text.encode(), Limits())), int)}
    for text in taken:
        assert expected_of(json.loads(text)) == 1
