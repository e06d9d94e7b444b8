"""For any payload: nothing is raised, and the fast reading takes nothing that the exact one would not take the same."""

import gzip
import json
import random
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from backports import zstd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumers.documents import decode as module
from consumers.documents import exact
from consumers.documents.decode import FAST_DEPTH, Limits, decode
from consumers.documents.document import Decoded, Document, Rejected
from consumers.documents.inflate import packed
from consumers.documents.nginx import repaired
from tests.bench import events
from tests.documents.cases import CASES, outcome
from tests.documents.reference import Reading, Written, whole
from tests.support.corpora import json_test_suite

LIMITS = Limits(max_inflated_bytes=1_000_000, max_depth=20, max_documents=10)
MAGIC = [b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\x78\x01"]
SPACE = st.sampled_from(["", "", "", " ", "\n", "\r\n", "\t "])
NUMBERS = st.sampled_from(["0", "-0", "-0.0", "0.1", "1.50", "1E2", "1e-400", "123456789012345678"]) | st.sampled_from(
    ["9223372036854775807", "-9223372036854775808", "1.7976931348623157e308", "9007199254740993.0", "5e-324"]
)
BEYOND = ["9223372036854775808", "-9223372036854775809", "1e400", "-1e309", "1" * 30, "18446744073709551616"]


class Spelt(NamedTuple):
    """JSON text, and what is known of it by how it was made."""

    text: str
    value: Any
    depth: int = 0
    twice: bool = False


@st.composite
def strings(draw: st.DrawFn) -> Spelt:
    value = draw(st.text(max_size=8) | st.sampled_from(["a", "b", 'a"', "\\", "\\u0022", "\u2028", "\U0001f98a"]))
    how = draw(st.sampled_from(["plain", "ascii", "numbers"]))
    if how == "numbers":
        units = value.encode("utf-16-be").hex()
        return Spelt('"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"', value)
    return Spelt(json.dumps(value, ensure_ascii=how == "ascii"), value)


def _joined(draw: st.DrawFn, opening: str, parts: Sequence[str], closing: str) -> str:
    comma = draw(SPACE) + "," + draw(SPACE)
    return opening + draw(SPACE) + comma.join(parts) + draw(SPACE) + closing


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[Spelt]) -> Spelt:
    pairs = draw(st.lists(st.tuples(strings(), values), max_size=4))
    colon = draw(SPACE) + ":" + draw(SPACE)
    text = _joined(draw, "{", [key.text + colon + value.text for key, value in pairs], "}")
    return Spelt(
        text,
        {key.value: value.value for key, value in pairs},
        1 + max((value.depth for _, value in pairs), default=0),
        len({key.value for key, _ in pairs}) < len(pairs) or any(value.twice for _, value in pairs),
    )


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[Spelt]) -> Spelt:
    items = draw(st.lists(values, max_size=3))
    return Spelt(
        _joined(draw, "[", [item.text for item in items], "]"),
        [item.value for item in items],
        1 + max((item.depth for item in items), default=0),
        any(item.twice for item in items),
    )


SCALARS = (
    strings()
    | (NUMBERS | st.sampled_from(BEYOND)).map(lambda text: Spelt(text, Written(text)))
    | st.sampled_from(["true", "false", "null"]).map(lambda text: Spelt(text, json.loads(text)))
)
VALUES = st.recursive(SCALARS, lambda values: objects(values) | arrays(values), max_leaves=12)
OBJECTS = objects(VALUES)
# Bytes near JSON, which arbitrary bytes never are.
CRUMBS = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b":", b",", b'"', b'"a"', b'"a":', b" ", b"\n", b"null", b"true", b'{"a":1}']
    )
    | st.sampled_from([b"\\", b"\\u", b"\\u0022", b"\\ud83e", b"\\udd8a", b"\\x22", b"\\x5C", b"\\xC3"])
    | st.sampled_from([b"1", b"-", b"e5", b".5", b"0", b"9" * 19, b"NaN"])
    | st.sampled_from([b"\xc3", b"\xa4", b"\xff", b"\0", b"\xef\xbb\xbf", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"]),
    max_size=25,
).map(b"".join)


def exactly(payload: bytes, limits: Limits = LIMITS) -> Decoded | Rejected:
    return exact.read(payload, exact.Bounds(limits.max_depth, limits.max_documents, limits.max_values))


def check(payload: bytes) -> Decoded | Rejected:
    """Hold a payload against the plain reading: the same documents, digit for digit, or a reason that it has too."""
    found = decode(payload, LIMITS)
    text = repaired(payload) or payload
    if not packed(payload):
        expected = Reading(text, LIMITS)
        compare(found, expected)
        compare(exactly(text), expected)
    return found


def compare(found: Decoded | Rejected, expected: Reading) -> None:
    if isinstance(found, Rejected):
        assert found.reason in expected.reasons
        return
    assert not expected.reasons
    assert [document.source.decode() for document in found.documents] == expected.sources
    assert [whole(document.opened()) for document in found.documents] == expected.values
    for document in found.documents:
        assert document.fields.keys() == document.opened().keys()


def check_fast(payload: bytes) -> None:
    """What the fast readings take, the plain one takes, with the same bytes."""
    document = module._at_once(payload)
    several = module._several(payload, LIMITS)
    for documents in ([document] if document else None, several):
        if documents:
            expected = Reading(payload, LIMITS)
            assert not expected.reasons
            assert [one.source.decode() for one in documents] == expected.sources


@given(st.binary() | CRUMBS)
@example(b"")
@settings(max_examples=1_000)
def test_no_bytes_raise(payload: bytes) -> None:
    """Arbitrary bytes, and bytes near JSON, become documents or a rejection; all readings agree."""
    check(payload)
    check_fast(payload)


@given(st.binary(max_size=60) | CRUMBS, st.sampled_from(MAGIC))
@settings(max_examples=500)
def test_no_compressed_bytes_raise(payload: bytes, magic: bytes) -> None:
    """The same inside of compression, and behind its first bytes; compression changes no outcome."""
    assert check(magic + payload) is not None
    if not packed(payload):
        plain = decode(payload, LIMITS)
        for compressed in (gzip.compress(payload), zstd.compress(payload), zlib.compress(payload)):
            assert outcome(decode(compressed, LIMITS)) == outcome(plain)


@given(OBJECTS, SPACE, SPACE)
@settings(max_examples=200)
def test_json_of_any_spelling(made: Spelt, before: str, after: str) -> None:
    """However an object is spelt, it is taken with its values and all their digits; with a key twice, it is not."""
    payload = (before + made.text + after).encode()
    check_fast(payload)
    found = check(payload)
    if made.twice:
        assert outcome(found) == "duplicate_key"
    else:
        assert isinstance(found, Decoded)
        (document,) = found.documents
        assert whole(document.opened()) == made.value
        assert document.source == made.text.replace("\n", " ").replace("\r", " ").encode()


@given(st.lists(st.tuples(OBJECTS, SPACE), min_size=1, max_size=LIMITS.max_documents), st.booleans())
@settings(max_examples=40)
def test_several_documents(made: list[tuple[Spelt, str]], listed: bool) -> None:
    """Documents one after another, or in a list, become the same as each alone, in order; one bad one rejects all."""
    texts = [spelt.text + space for spelt, space in made]
    payload = ("[" + ",".join(texts) + "]" if listed else "".join(texts)).encode()
    check_fast(payload)
    found = check(payload)
    if any(spelt.twice for spelt, _ in made):
        assert isinstance(found, Rejected)
    else:
        assert isinstance(found, Decoded)
        assert [whole(one.opened()) for one in found.documents] == [spelt.value for spelt, _ in made]


@given(VALUES.filter(lambda made: not isinstance(made.value, dict | list)))
@settings(max_examples=50)
def test_other_values(made: Spelt) -> None:
    """A value that is no object, nor a list, is never taken."""
    assert isinstance(check(made.text.encode()), Rejected)


@given(st.lists(VALUES, max_size=4))
@settings(max_examples=80)
def test_lists(made: list[Spelt]) -> None:
    """A list is taken if all that it holds is objects, and then as these."""
    found = check(("[" + ",".join(one.text for one in made) + "]").encode())
    if isinstance(found, Decoded):
        assert [whole(one.opened()) for one in found.documents] == [one.value for one in made]
    else:
        assert not made or any(one.twice or not isinstance(one.value, dict) for one in made)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**65), 2**65))
@settings(max_examples=500)
def test_numbers(real: float, whole_number: int) -> None:
    """Every number is taken, with each of its digits."""
    for text in (b'{"a":%s,"b":%d}' % (repr(real).encode(), whole_number), b'{"a":%s}' % f"{real:.30g}".encode()):
        check_fast(text)
        assert outcome(check(text)) == 1


def test_all_that_is_stored_agrees() -> None:
    """On all cases and all files of the JSON test suite, alone and embedded, all readings agree."""
    texts = [payload for payload, _ in CASES.values() if len(payload) < 20_000] + list(json_test_suite().values())
    for text in texts:
        if b"[[[[[[[[[[" in text:
            continue  # the plain reading cannot
        for payload in (text, b'{"v":' + text + b"}", b'{"v":1,"w":[' + text + b"]}", text + b"\n" + text):
            check_fast(payload)
            check(payload)
        check(b"[" + text + b"," + text + b"]")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_events(seed: int) -> None:
    """Events of players with bytes changed, dropped and doubled raise nothing, and all readings agree."""
    print(f"seed {seed}")
    draw = random.Random(seed)
    pieces = [b"", b'"', b"\\", b"\n", b"{", b"}", b",", b"\xff", b"9" * 20, b'"event":1,']
    for event in events.generate(seed, 500):
        body = bytearray(event)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(body))
            body[at : at + draw.randrange(2)] = draw.choice([*pieces, bytes(body[at : at + 40])])
        check_fast(bytes(body))
        check(bytes(body))


def test_events_take_the_fast_way() -> None:
    """The events that the budget is for, with a newline at their end or without, need no exact reading."""
    for event in events.generate(count=200):
        for payload in (event, event + b"\n", json.dumps(json.loads(event)).encode()):
            document = module._at_once(payload)
            assert document is not None
            assert document.source == payload.strip()


def test_a_fast_reading_without_its_checks_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without the count of quotes, a key twice passes the fast reading, and it is seen here."""
    monkeypatch.setattr(module, "_spliced", lambda text, _encoded, fields: Document(text.strip(), fields))
    for payload in (b'{"a":1,"a":2}', b'{"a":\n1}', b'[{"a":1,"a":2}]', b'{"a":1}\n{"a":1,"a":2}'):
        with pytest.raises(AssertionError):
            check_fast(payload)


def test_the_fast_depth_is_within_the_limit() -> None:
    """The fast reading is asked only where all that it takes is allowed."""
    assert Limits().max_depth >= FAST_DEPTH
    deep = b'{"a":' * FAST_DEPTH + b"1" + b"}" * FAST_DEPTH
    assert module._at_once(deep) is not None
    assert module._at_once(b'{"a":' + deep + b"}") is None
