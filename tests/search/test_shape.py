"""What is made of a document: only what is configured, and never a guess."""

from typing import Any

import pytest

from consumers.search.shape import Condition, Conflict, Shape, conditions_of, paths_of, renames_of


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
