"""Payloads of very many values: judged at the speed of bytes, in little more memory than their own."""

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumers.documents import nesting, twice
from consumers.documents.decode import FAST_BYTES, MIB, Limits, decode
from consumers.documents.document import Decoded, Rejected
from consumers.documents.nesting import TooMany, Unbalanced, balanced_depth, depth_of, outside, unveiled, veiled
from consumers.documents.twice import has_key_twice
from tests.documents.cases import outcome

SIZE = 4 * MIB
MOST_PARSES = 4.5  # a reading that calls Python for each value or escape takes more
MOST_PARSES_ENCLOSED = 9  # of what is looked at again and again, from within
MOST_TIMES = 8


def filled(before: bytes, part: bytes, after: bytes) -> bytes:
    """Repeat a part up to the size."""
    return before + part * ((SIZE - len(before) - len(after)) // len(part)) + after


def listed(part: bytes, after: bytes = b"") -> bytes:
    return filled(b'{"a":[', part + b",", part + b"]" + after + b"}")


TWICE = b',"b":1,"b":2'
SHAPES: dict[str, tuple[bytes, int | str]] = {
    "empty lists": (listed(b"[]"), 1),
    "empty objects": (listed(b"{}"), 1),
    "empty objects, and a key twice": (listed(b"{}", TWICE), "duplicate_key"),
    "objects": (listed(b'{"x":1,"y":-0.5}'), 1),
    "objects, and a key twice at the end": (listed(b'{"x":1,"y":2}', b',"c":[[{"b":1,"b":2}]]'), "duplicate_key"),
    "objects, and brackets in strings": (listed(b'{"]\\"{":"}["}'), 1),
    "objects in objects": (listed(b'{"x":{"y":{"z":[{"w":1},{"w":2}]}}}'), 1),
    "numbers": (listed(b"1"), 1),
    "fractions, and a key twice": (listed(b"0.1", TWICE), "duplicate_key"),
    "texts": (listed(b'"ab"'), 1),
    "escapes": (filled(b'{"a":"', rb"\n\\\"", b'"}'), 1),
    "escapes by number": (filled(b'{"a":"', rb"\u0022\ud83e\udd8a", b'"}'), 1),
    "halves of pairs": (filled(b'{"a":"', rb"\ud83e", b'"}'), "surrogate"),
    "great characters": (filled(b'{"a":"', "\U0001f98a".encode(), b'"}'), 1),
    "digits": (filled(b'{"a":', b"1", b"}"), 1),
    "long numbers": (listed(b"1" * 500), 1),
    "numbers not quite so long": (listed(b"1" * 499, TWICE), "duplicate_key"),
    "deep objects": (listed(b'{"a":0,"b":' * 98 + b"0" + b"}" * 98), "too_many_values"),
    "keys": (b"{" + b",".join(b'"%d":1' % number for number in range(SIZE // 12)) + b"}", "too_many_values"),
    "brackets": (b"[" * (SIZE // 2) + b"]" * (SIZE // 2), "too_deep"),
    "whitespace": (b" " * SIZE + b"x", "json_invalid"),
    "objects in a list": (filled(b"[", b"{},", b"{}]"), "too_many_documents"),
    "documents": (b"\n".join([b'{"a":"%b"}' % (b"x" * 400)] * 9_999), 9_999),
    "nginx, inside a string": (filled(b'{"a":"', rb"\x22\xC3\x84\n\\", b'"}'), 1),
    "nginx, the whole": (filled(rb"{\x22a\x22:[", b"{},", b"{}]}"), 1),
    "nginx, one body": (filled(rb'{"a":[', rb"{\x22a\x22:0},", b"{}]}"), 1),
    "nginx, very many bodies": (filled(b"{", rb'"a":\x22\x22,', rb'"a":1}'), "json_invalid"),
}


@pytest.fixture
def traced() -> Iterator[None]:
    """Memory that Python allocates is counted."""
    tracemalloc.start(1)
    yield
    tracemalloc.stop()


def cpu_s(call: Callable[[], object]) -> float:
    began_s = time.process_time()
    call()
    return time.process_time() - began_s


@pytest.fixture(scope="module")
def parse_s() -> float:
    """How long json.loads takes for as many bytes of an ordinary event: a measure of the machine."""
    payload = filled(b"[", b'{"event":"heartbeat","playhead":12.5,"payload":{"live":true,"n":[1,2]}},', b"{}]")
    return min(cpu_s(lambda: json.loads(payload)) for _ in range(3))


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_takes_long(name: str, parse_s: float) -> None:
    """Whatever a payload is made of, taken or rejected: it takes no more than so many times what json.loads takes."""
    payload, expected = SHAPES[name]
    assert len(payload) > SIZE // 2
    assert outcome(decode(payload, Limits())) == expected
    most = MOST_PARSES_ENCLOSED if name in {"objects in objects", "deep objects"} else MOST_PARSES
    assert min(cpu_s(lambda: decode(payload, Limits())) for _ in range(3)) < most * parse_s


@pytest.mark.parametrize("name", [*list(SHAPES)[:3], "texts", "great characters", "halves of pairs", "nginx, one body"])
def test_no_shape_takes_much_memory(name: str, traced: None) -> None:
    """Judging holds a few copies of the text, and never all of its values."""
    payload, expected = SHAPES[name]
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert outcome(decode(payload, Limits())) == expected
    assert tracemalloc.get_traced_memory()[1] - before < MOST_TIMES * SIZE


def test_the_measure_sees_a_reading_of_all_values(traced: None) -> None:
    """Negative control: to read all values at once passes the memory that is allowed above."""
    tracemalloc.reset_peak()
    assert json.loads(SHAPES["empty lists"][0])
    assert tracemalloc.get_traced_memory()[1] > MOST_TIMES * SIZE


def test_the_limit_on_values_is_exact() -> None:
    """An object of as many fields as may be is taken, and one of one more is not; innermost values do not count."""
    for count, expected in ((Limits().max_values, 1), (Limits().max_values + 1, "too_many_values")):
        text = b'{"a":{' + b",".join(b'"%d":0' % number for number in range(count - 1)) + b"}}"
        assert outcome(decode(text, Limits())) == expected
    assert outcome(decode(listed(b"[[0,0],[0,0]]"), Limits())) == 1


def random_value(draw: random.Random, depth: int, twice_share: float) -> str:
    """Write a value of any kind; now and then an object has a key twice."""
    kind = draw.random()
    if depth == 0 or kind < 0.3:
        return draw.choice(["1", "-0.50", '"a"', '"[{"', '"\\\\"', '"\\""', '"\\"]"', '"x\\u0022"', "null", "1e400"])
    if kind < 0.6:
        return "[" + ", ".join(random_value(draw, depth - 1, twice_share) for _ in range(draw.randrange(5))) + "]"
    names = draw.sample(["a", "b", "[", '{\\"', "}\\\\", "c\\u0022d", "\u00e4"], draw.randrange(5))
    if names and draw.random() < twice_share:
        names.append(names[0])
    return "{" + ",".join(f'"{name}":{random_value(draw, depth - 1, twice_share)}' for name in names) + "}"


def plainly_twice(text: bytes) -> bool:
    found = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(len(dict(pairs)) != len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(found)


@pytest.mark.parametrize("window", [3, 50, 1 << 16])
def test_keys_are_compared_from_within(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces of any size, from innermost objects outward: a key twice is found wherever it stands, and none else."""
    for module in (nesting, twice):
        monkeypatch.setattr(module, "WINDOW", window)
    monkeypatch.setattr(twice, "_FEW", 5)
    print("seed 11")
    draw, seen = random.Random(11), set()
    for _ in range(1_500):
        text = f'{{"v":{random_value(draw, 6, 0.02)}}}'.encode()
        expected = plainly_twice(text)
        assert has_key_twice(text, 1_000) == expected, text
        seen.add((expected, len(text) > 200))
    assert len(seen) == 4


def test_a_comparison_that_leaves_strings_unveiled_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with brackets left in strings, what is innermost is not."""
    monkeypatch.setattr(twice, "_FEW", 5)
    monkeypatch.setattr(twice, "veiled", lambda text: text)
    text = b'{"v":[{"a{":1,"b":2},{"a":[],"b":2},{"a{":1,"a{":2}]}'
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it stumbles on
        assert has_key_twice(text, 1_000)


@pytest.mark.parametrize("window", [1, 7, 1 << 16])
def test_strings_are_told_from_what_is_outside(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a piece is cut: no bracket, comma or quote of a string counts, and what is veiled comes back."""
    monkeypatch.setattr(nesting, "WINDOW", window)
    print("seed 12")
    draw = random.Random(12)
    for _ in range(300):
        text = random_value(draw, 4, 0.0).encode()
        bare = json.dumps(json.loads(text, parse_float=lambda _: 0), separators=(",", ":"))
        assert outside(text).count(b",") == outside(bare.encode()).count(b",")
        assert unveiled(veiled(text)) == text
        assert all(veiled(text).count(mark) == outside(text).count(mark) for mark in (b"[", b"]", b"{", b"}"))
    with pytest.raises(Unbalanced):
        outside(b'{"a":"b')


def test_depth_is_counted_without_a_parser() -> None:
    """The two ways to count agree where brackets are right, and one of them says where they are not."""
    print("seed 13")
    draw = random.Random(13)
    for _ in range(300):
        text = random_value(draw, 6, 0.0).encode()
        assert depth_of(text) == balanced_depth(text)
    for text, depth in ((b"1", 0), (b"[[]]", 2), (b'["[["]', 1), (b"[" * 5_000 + b"]" * 5_000, 5_000)):
        assert depth_of(text) == balanced_depth(text) == depth
    for text in (b"[", b"]", b"[}", b"[{]}", b'["]'):
        with pytest.raises(Unbalanced):
            balanced_depth(text)


def test_large_documents_are_not_held_as_values() -> None:
    """What was read of small documents is kept for whoever needs it, and not of large ones, nor of very many."""
    small, large = b'{"a":1}', b'{"a":"%b"}' % (b"x" * FAST_BYTES)
    for payload, kept in ((small, {True}), (large, {False}), (b"\n".join([small] * 9_999), {True})):
        decoded = decode(payload, Limits())
        assert isinstance(decoded, Decoded)
        assert {document.read is not None for document in decoded.documents} == kept
    many = decode(b"\n".join([b'{"a":"%b"}' % (b"x" * 1_000)] * 1_000), Limits())
    assert isinstance(many, Decoded)
    assert sum(document.read is not None for document in many.documents) == FAST_BYTES // 1_008


@pytest.mark.parametrize("find", [has_key_twice])
def test_too_many_are_said_and_not_held(find: Callable[[bytes, int], bool]) -> None:
    """It is no verdict on keys."""
    with pytest.raises(TooMany):
        find(listed(b'{"a":0,"b":' * 90 + b"0" + b"}" * 90), 1_000)
    assert isinstance(decode(SHAPES["keys"][0], Limits()), Rejected)
