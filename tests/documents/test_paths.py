"""A path means what a search server would call a field: whatever dots stand in names, and through lists."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from consumers.documents import paths
from consumers.documents.nesting import TooMany
from consumers.documents.paths import MOST_VALUES, NOTHING, Budget, opened, path_of, values_at
from consumers.documents.reshaping import kept, without

NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "a.", "", "\u00e4", 'q"', "\u00e4.a"])
VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=14,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
PATHS = st.sampled_from(["a", "b", "a.b", "b.c", "a.b.c", "c.a", "\u00e4", "\u00e4.a"]).map(path_of)
APART = st.sampled_from([("a",), ("a.b",), ("a.b", "c"), ("b.c", "a.b.c"), ("a.b", "a.c", "b"), ("\u00e4.a", "c.a")])


def called(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Give each field under the name that a server has for it: names on the way to it, joined with dots."""
    if isinstance(value, list):
        for inner in value:
            yield from called(inner, before)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield f"{before}{name}", inner
            yield from called(inner, f"{before}{name}.")


def plain(value: Any) -> Any:
    """Read what is still JSON."""
    return json.loads(msgspec.json.encode(value))


def unread(fields: dict[str, Any], *, ascii_only: bool) -> dict[str, Any]:
    """Give an object as it is before anything of it was read."""
    text = json.dumps(fields, ensure_ascii=ascii_only)
    return dict(opened(Raw(text)))


def shown(values: Any) -> list[str]:
    return sorted(json.dumps(plain(value)) for value in values)


@given(OBJECTS, PATHS, st.booleans())
def test_a_path_leads_where_a_server_would_find_the_field(fields: dict[str, Any], path: Any, escaped: bool) -> None:
    """To each field of that name, read or unread; asked again, to the same."""
    expected = shown(value for name, value in called(fields) if name == ".".join(path))
    lazy = unread(fields, ascii_only=escaped)
    for _ in range(2):
        assert shown(values_at(json.loads(json.dumps(fields)), path, Budget())) == expected
        assert shown(values_at(lazy, path, Budget())) == expected
    assert plain(lazy) == fields


@given(OBJECTS, APART, st.booleans())
def test_what_is_dropped_is_gone_and_nothing_else(fields: dict[str, Any], names: tuple[str, ...], esc: bool) -> None:
    """No field of such a name is left, and of the others each."""
    wanted = tuple(map(path_of, names))
    expected = [one for one in called(fields) if not within(one[0], names)]
    for given_as in (json.loads(json.dumps(fields)), unread(fields, ascii_only=esc), Raw(json.dumps(fields))):
        left = plain(without(given_as, wanted, Budget()))
        assert sorted(name for name, _ in called(left)) == sorted(name for name, _ in expected)
        assert scalars(left) == scalars(fields, lambda name: not within(name, names))


@given(OBJECTS, APART, st.booleans())
def test_what_is_kept_is_all_that_is_left(fields: dict[str, Any], names: tuple[str, ...], esc: bool) -> None:
    """Each field of such a name, with all that is in it."""
    wanted = tuple(map(path_of, names))
    for given_as in (json.loads(json.dumps(fields)), unread(fields, ascii_only=esc), Raw(json.dumps(fields))):
        left = kept(given_as, wanted, Budget())
        left = {} if left is NOTHING else plain(left)
        assert scalars(left) == scalars(fields, lambda name: within(name, names))
        assert all(within(name, names) or any(one.startswith(f"{name}.") for one in names) for name, _ in called(left))


def within(name: str, names: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


def scalars(value: Any, wanted: Callable[[str], bool] = bool) -> list[str]:
    return sorted(
        f"{name}={json.dumps(leaf)}" for name, inner in called(value) if wanted(name or ".") for leaf in leaves(inner)
    )


def leaves(value: Any) -> Iterator[Any]:
    """Give a scalar, or each of a list: what is in objects has names of its own."""
    if isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif not isinstance(value, dict):
        yield value


def test_bytes_stay_where_no_path_leads() -> None:
    """Numbers, escapes and spaces of what is opened around a field are those that came."""
    text = rb'{"a":{"b":1,"n":[1.10, -0,1E400],"t":"\u00e4\/"},"c":{"n" : 0.1234567890123456789}}'
    left = without(opened(Raw(text)), (path_of("a.b"), path_of("c.x")), Budget())
    assert msgspec.json.encode(left) == text.replace(b'"b":1,', b"")


def test_a_list_of_too_many_is_not_entered() -> None:
    """It is said; where no path leads into it, it is no matter."""
    fields = {"a": [{"b": 1}] * (MOST_VALUES // 2), "c": 1}
    for path, beyond in (("a.b", True), ("c", False), ("a", False), ("a.x", False)):
        lazy = unread(fields, ascii_only=True)
        if beyond:
            with pytest.raises(TooMany):
                without(lazy, (path_of(path),), Budget())
        else:
            without(lazy, (path_of(path),), Budget())


def test_members_are_counted_across_documents() -> None:
    """Many lists that are no longer than they may be come to an end too."""
    budget = Budget(1_000)
    fields = {"a": [{"b": 1}] * 300}
    for _ in range(3):
        assert len(list(values_at(unread(fields, ascii_only=True), ("a", "b"), budget))) == 300
    with pytest.raises(TooMany):
        list(values_at(unread(fields, ascii_only=True), ("a", "b"), budget))


def test_a_path_of_one_spelling_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: names taken apart at their dots alone miss a name that has one."""
    monkeypatch.setattr(paths, "leading", lambda all_paths: {path[0]: (path[1:],) for path in all_paths})
    with pytest.raises(AssertionError):
        test_a_path_leads_where_a_server_would_find_the_field()


@pytest.mark.parametrize("text", ["", ".", "a..b", ".a", "a."])
def test_an_empty_part_names_nothing(text: str) -> None:
    """It is said before anything runs."""
    with pytest.raises(ValueError, match="names no field"):
        path_of(text)
