"""What is made of a document: only what is configured, and never a guess."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from consumers.documents.reshaping import Conflict
from consumers.search.shape import Condition, Shape, conditions_of, paths_of, renames_of


def fields() -> dict[str, Any]:
    """Make a document."""
    return {"event": "play", "payload": {"userId": "u", "live": True, "n": 12}, "ts": 5}


@pytest.mark.parametrize(
    ("keep", "drop", "rename", "expected"),
    [
        ("event", "", "", {"event": "play"}),
        ("payload.live, absent", "", "", {"payload": {"live": True}}),
        ("absent", "", "", {}),
        ("", "payload.userId, ts", "", {"event": "play", "payload": {"live": True, "n": 12}}),
        ("", "absent, event.inner, payload.absent", "", fields()),
        ("", "", "ts:@timestamp", {"event": "play", "payload": fields()["payload"], "@timestamp": 5}),
        ("event,ts", "", "ts:when.ms", {"event": "play", "when": {"ms": 5}}),
        ("event", "", "ts:when", {"event": "play"}),
        ("event,ts", "ts", "event:ts", {"ts": "play"}),
    ],
)
def test_fields_are_kept_then_dropped_then_renamed(keep: str, drop: str, rename: str, expected: dict[str, Any]) -> None:
    """By path, also inside objects; what is not there is no fault."""
    assert Shape(paths_of(keep), paths_of(drop), renames_of(rename)).apply(fields()) == expected


@pytest.mark.parametrize("rename", ["ts:event", "ts:event.inner", "event:payload", "ts:payload.live"])
def test_a_new_name_that_is_taken_is_a_conflict(rename: str) -> None:
    """Nothing is overwritten in silence."""
    with pytest.raises(Conflict):
        Shape(rename=renames_of(rename)).apply(fields())


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("event=play", True),
        ("event=pla", False),
        ("payload.live=true", True),
        ("payload.live=True", False),
        ("payload.n=12", True),
        ("payload.absent=null", False),
        ("event.inner=play", False),
        ("ts = 5", True),
    ],
)
def test_a_condition_compares_strings_and_what_json_reads_as(condition: str, holds: bool) -> None:
    """Booleans and numbers are compared as they are written in JSON; an absent field has no value."""
    assert conditions_of(condition)[0].holds(fields()) is holds


def test_null_is_a_value() -> None:
    """A field that is null is told from one that is absent."""
    assert Condition(("a",), "null").holds({"a": None})
    assert not Condition(("a",), "null").holds({})


@pytest.mark.parametrize(
    ("include", "exclude", "passes"),
    [
        ("", "", True),
        ("event=play", "", True),
        ("event=stop, ts=5", "", True),
        ("event=stop", "", False),
        ("", "event=play", False),
        ("event=play", "ts=5", False),
        ("", "absent=1", True),
    ],
)
def test_exclude_goes_before_include(include: str, exclude: str, passes: bool) -> None:
    """A document is indexed if one include holds, where there are any, and no exclude does."""
    assert Shape(include=conditions_of(include), exclude=conditions_of(exclude)).passes(fields()) is passes


def test_nothing_configured_changes_nothing() -> None:
    """Then documents go byte for byte."""
    assert not Shape().changes
    assert not Shape().filters
    assert paths_of(" , ") == ()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (paths_of, "a..b"),
        (paths_of, "."),
        (renames_of, "a"),
        (renames_of, ":b"),
        (conditions_of, "a"),
        (conditions_of, "=b"),
    ],
)
def test_what_cannot_be_read_is_said(read: Any, text: str) -> None:
    """The check lists it before the daemon starts."""
    with pytest.raises(ValueError, match=r"names no field|has no"):
        read(text)


DOTTED = '{"event":"play","payload.live":true}'
LISTED = '{"event":"play","items":[{"id":1,"x":2},{"id":3}],"tags":["a","internal"]}'


def both(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give a document read, and with its values unread."""
    return json.loads(text), msgspec.json.decode(text, type=dict[str, Raw])


@pytest.mark.parametrize(
    ("text", "keep", "drop", "rename", "expected"),
    [
        (DOTTED, "event, payload.live", "", "", DOTTED),
        (DOTTED, "payload", "", "", '{"payload.live":true}'),
        (DOTTED, "", "payload.live", "", '{"event":"play"}'),
        (DOTTED, "", "payload", "", '{"event":"play"}'),
        (DOTTED, "", "", "payload.live:live", '{"event":"play","live":true}'),
        (DOTTED, "", "", "payload.live:payload.on", '{"event":"play","payload.on":true}'),
        (DOTTED, "", "", "payload:p", '{"event":"play","p.live":true}'),
        (DOTTED, "", "", "payload:p.q", '{"event":"play","p":{"q":{"live":true}}}'),
        (DOTTED, "", "", "payload.live:payload.live", DOTTED),
        (LISTED, "items.id", "", "", '{"items":[{"id":1},{"id":3}]}'),
        (LISTED, "items.x", "", "", '{"items":[{"x":2}]}'),
        (LISTED, "event", "items.id", "", '{"event":"play"}'),
        (LISTED, "items", "items.id", "", '{"items":[{"x":2},{}]}'),
        (LISTED, "items", "", "items.id:items.sku", '{"items":[{"x":2,"sku":1},{"sku":3}]}'),
        (LISTED, "items", "", "items.id:ids", '{"items":[{"x":2},{}],"ids":[1,3]}'),
        (LISTED, "items", "", "items.x:x", '{"items":[{"id":1},{"id":3}],"x":2}'),
        ('{"a":{"b.c":1,"b":{"c":2}}}', "", "a.b.c", "", '{"a":{"b":{}}}'),
        ('{"a":{"b":1},"a.b":2}', "", "", "a.b:a.c", '{"a":{"c":1},"a.c":2}'),
        ('{"a":[[{"b":1}],2]}', "", "", "a.b:a.c", '{"a":[[{"c":1}],2]}'),
    ],
)
def test_a_path_means_the_same_to_every_key(text: str, keep: str, drop: str, rename: str, expected: str) -> None:
    """Dots in names and objects in lists are found by all keys, in documents that were read, and in others."""
    shape = Shape(paths_of(keep), paths_of(drop), renames_of(rename))
    for fields in both(text):
        assert json.loads(msgspec.json.encode(shape.apply(fields))) == json.loads(expected)


@pytest.mark.parametrize(
    ("text", "rename"),
    [
        (DOTTED, "event:payload.live"),
        (LISTED, "items.id:items.x"),
        (LISTED, "event:items.y"),
        ('{"a":1,"b":{"c":1}}', "a:b.c.d"),
    ],
)
def test_a_name_that_is_taken_in_any_spelling_is_a_conflict(text: str, rename: str) -> None:
    """A server would see two fields of one name."""
    shape = Shape(rename=renames_of(rename))
    for fields in both(text):
        with pytest.raises(Conflict):
            shape.apply(fields)


@pytest.mark.parametrize(
    ("text", "condition", "holds"),
    [
        (DOTTED, "payload.live=true", True),
        (DOTTED, "payload.live=false", False),
        (LISTED, "items.id=3", True),
        (LISTED, "items.id=2", False),
        (LISTED, "items.x=2", True),
        (LISTED, "tags=internal", True),
        (LISTED, "tags=intern", False),
        ('{"a":[["x"]]}', "a=x", True),
        ('{"a":[1, 2]}', "a=[1", False),
        ('{"a":["x"]}', 'a=["x"]', True),
        ('{"a":{"b" : 1}}', 'a={"b":1}', True),
        ('{"a":12345678901234567.89}', "a=12345678901234567.89", True),
        ('{"a":12345678901234567.88}', "a=12345678901234567.89", False),
        ('{"a":18446744073709551616}', "a=18446744073709551616", True),
        ('{"a":18446744073709551615}', "a=18446744073709551616", False),
        ('{"a":1.10}', "a=1.1", True),
        ('{"a":1.10}', "a=1.10", True),
        ('{"a":1e2}', "a=100", True),
        ('{"a":-0}', "a=0", True),
        ('{"a":1E400}', "a=1e400", True),
        ('{"a":1E99999999999999999999}', "a=1E99999999999999999999", True),
        ('{"a":"1.10"}', "a=1.1", False),
        ('{"a":"1.10"}', "a=1.10", True),
        ('{"a":"\\u00e4\\""}', 'a=\u00e4"', True),
        ('{"a":null}', "a=null", True),
    ],
)
def test_a_condition_finds_each_value_and_compares_each_digit(text: str, condition: str, holds: bool) -> None:
    """Numbers are equal as numbers; one value of several is enough."""
    read, unread = both(text)
    assert conditions_of(condition)[0].holds(unread) is holds
    if not Shape(include=conditions_of(condition)).exact:
        assert conditions_of(condition)[0].holds(read) is holds


def test_numbers_are_asked_for_as_written_only_where_it_matters() -> None:
    """A condition on a text needs no second look at a document."""
    assert not Shape(include=conditions_of("event=play, payload.live=true, a=null")).exact
    assert Shape(exclude=conditions_of("event=play, playhead=0")).exact
    assert Shape(drop=paths_of("a")).exact
