"""What the pipe says around a payload: what of it may be left out, and what becomes of an element that is no record."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.envelope import Unreadable, read, record_of
from consumers.records import Position, Record
from consumers.sequence import PUT_TO_ARRIVAL_MS, put_ms
from tests.support.fake_daemon import wire

PUT_MS = 1_545_084_650_000
REAL = "49590338271490256608559692538361571095921575989136588898"  # of an example in the Lambda Developer Guide
FORMLESS = "49000000000000000000000000000000000000000000000000000000"
WHOLE = {
    "action": "record",
    "data": "e30=",
    "partitionKey": "key",
    "sequenceNumber": REAL,
    "subSequenceNumber": 3,
    "approximateArrivalTimestamp": 1_545_084_650_987,
}
PUBLISHED = [  # sequence numbers that users of Kinesis have published together with the arrival time, in seconds
    ("49647060812288014558888668248263847763900017820167045122", 1701760153.593),
    ("49647060812288014558888668248268683467178536947444350978", 1701761035.582),
    ("49570889523503059275381512478863820069782211031140925442", 1491587454.576),
    ("49604631341683657867295630657032921195561055316799913986", 1582837173.746),
    ("49628566489653659107048838082246518393102916603510521906", 1649930049.016),
    (REAL, 1545084650.987),
    ("49634871856207391309887373936488347325069951854572470306", 1667723578.271),
    ("49636674106407327729976759147118224854495581328161898498", 1672650485.394),
    ("49631783078782244062766649846789567042518784522594549762", 1658933550.303),
    ("49630081666084879290581185630324770398608704880802529282", 1654161514.132),
    ("49653380266869210284279187494166268768490024449278476290", 1719459476.041),
    ("49641667361005213384739839176645187418587579714681962498", 1686632116.285),
    ("49654139499842831375873712704771204015368165377871708162", 1721633736.064),
    ("49615659390235360198692340333316747709505627667520552962", 1613741931.873),
]


def raw(**changed: Any) -> bytes:
    """Write an element as the daemon does; `...` leaves a member out."""
    return json.dumps({name: value for name, value in (WHOLE | changed).items() if value is not ...}).encode()


@pytest.mark.parametrize(("number", "arrival_s"), PUBLISHED)
def test_a_sequence_number_holds_the_second_of_its_put(number: str, arrival_s: float) -> None:
    """It lies up to two seconds and a bit before the arrival, and never behind it."""
    put = put_ms(int(number))
    assert put is not None
    assert 0 <= arrival_s * 1000 - put < PUT_TO_ARRIVAL_MS


@pytest.mark.parametrize(
    "number",
    [
        FORMLESS,
        "21269319989652663814458848515492872193",  # of an older form
        "49545115243490985018280067714973144582180062593244200961",  # of version 1, as AWS's examples still have it
        str(int(REAL) + (1 << 148) * 40_000_000_000),  # its shard began after the put
        str(int(REAL) + (1 << 4)),  # it names two shards
        "0",
        "1",
    ],
)
def test_a_number_of_another_form_holds_no_time(number: str) -> None:
    """And none is made up."""
    assert put_ms(int(number)) is None


def test_whatever_may_be_left_out_may_be_null_too() -> None:
    """The key stays absent, which is not empty; the time is the put's, and the same at each delivery."""
    whole = Record(b"{}", "key", REAL, 1_545_084_650_987, 3)
    assert record_of(raw()) == whole
    for gone in (None, ...):
        assert record_of(raw(partitionKey=gone)) == msgspec.structs.replace(whole, partition_key=None)
        assert record_of(raw(data=gone)) == msgspec.structs.replace(whole, data=None)
        assert record_of(raw(subSequenceNumber=gone)) == msgspec.structs.replace(whole, sub_sequence_number=0)
        assert record_of(raw(approximateArrivalTimestamp=gone)) == msgspec.structs.replace(whole, arrival_ms=PUT_MS)
    assert record_of(raw(partitionKey="")) == msgspec.structs.replace(whole, partition_key="")
    bare = record_of(json.dumps({"sequenceNumber": REAL}).encode())
    assert bare == Record(None, None, REAL, PUT_MS, 0)


UNREADABLE: dict[str, tuple[bytes, str, Position | None]] = {
    "base64": (raw(data="!"), "$.data", Position(int(REAL), 3)),
    "key": (raw(partitionKey=["hunter2"]), "$.partitionKey", Position(int(REAL), 3)),
    "no number": (raw(sequenceNumber=None), "$.sequenceNumber", None),
    "a number left out": (raw(sequenceNumber=...), "sequenceNumber", None),
    "words for a number": (raw(sequenceNumber="hunter2"), "sequenceNumber", None),
    "digits that are none": (raw(sequenceNumber="\u0661\u0662"), "sequenceNumber", None),
    "an empty number": (raw(sequenceNumber=""), "$.sequenceNumber", None),
    "a number as one": (raw(sequenceNumber=int(REAL)), "$.sequenceNumber", None),
    "a long number": (raw(sequenceNumber="1" * 57), "$.sequenceNumber", None),
    "no time at all": (
        raw(sequenceNumber=FORMLESS, approximateArrivalTimestamp=None),
        "approximateArrivalTimestamp",
        Position(int(FORMLESS), 3),
    ),
    "before 1970": (raw(approximateArrivalTimestamp=-1), "approximateArrivalTimestamp", Position(int(REAL), 3)),
    "after 9999": (raw(approximateArrivalTimestamp=10**15), "approximateArrivalTimestamp", Position(int(REAL), 3)),
    "a text for a time": (raw(approximateArrivalTimestamp="hunter2"), "$.approx", Position(int(REAL), 3)),
    "a part before the first": (raw(subSequenceNumber=-1), "$.subSequenceNumber", None),
    "null": (b"null", "object", None),
    "a list": (b'["hunter2"]', "object", None),
    "no JSON": (b'{"hunter2":NaN}', "malformed", None),
    "no Unicode": (b'{"partitionKey":"\xff"}', "UTF-8", None),
    "nothing": (b"", "truncated", None),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_record_is_kept_as_it_came(name: str) -> None:
    """With what is wrong, which quotes nothing of it, and with its position where that could be read."""
    given_raw, fault, position = UNREADABLE[name]
    found = record_of(given_raw)
    assert isinstance(found, Unreadable)
    assert (found.raw, found.position) == (given_raw, position)
    assert fault in found.fault
    assert "hunter2" not in found.fault


def test_the_others_of_a_delivery_are_records() -> None:
    """What is none knows its neighbours, from which a place and a time follow."""
    first, last = Record(b"1", "k", "101", 1000), Record(b"2", "k", "102", 2000)
    elements = [b"1", json.dumps(wire(first)).encode(), b"2", b"3", json.dumps(wire(last)).encode(), b"4"]
    delivery = read(elements)
    assert delivery.records == [first, last]
    assert [(one.raw, one.before, one.behind) for one in delivery.unreadable] == [
        (b"1", None, first),
        (b"2", first, last),
        (b"3", first, last),
        (b"4", last, None),
    ]


@given(st.binary(max_size=100) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_nothing_is_raised(given_raw: bytes | str) -> None:
    """Whatever an element is."""
    element = given_raw.encode() if isinstance(given_raw, str) else given_raw
    assert isinstance(record_of(element), Record | Unreadable)
