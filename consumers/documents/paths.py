"""The meaning of a field's path, the same wherever a field is named. Pure.

`payload.live` is the field `live` of the object `payload`, or a field that is itself named `payload.live`: a search
server cannot tell one from the other. If a path leads through a list, it leads into each object of the list, also in
nested lists. So a path may lead to several values.

A value is decoded, or a `Raw` of its JSON, which is opened if a path leads into it. A value into which no path leads is
never decoded, and keeps its bytes.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.nesting import TooMany, outside, values_of

Path = tuple[str, ...]


NOTHING = object()
"""The value of a field that does not exist. It is not null."""

MOST_VALUES = 100_000
"""The most values of a list into which a path leads, those within its lists and objects included."""

MOST_MEMBERS = 1_000_000
"""The most members of lists that are visited for one record: some seconds at worst."""

_WORTH_A_COUNT = 1 << 17
_INWARD = frozenset({dict, list, Raw})
_open_object = msgspec.json.Decoder(dict[str, Raw]).decode
_open_list = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


class Budget:
    """The number of members of lists that may still be visited."""

    def __init__(self, members: int = MOST_MEMBERS) -> None:
        """Start with the whole budget."""
        self._left = members

    def spend(self, members: int) -> None:
        """Subtract members.

        Raises:
            TooMany: the budget is exceeded.

        """
        self._left -= members
        if self._left < 0:
            raise TooMany


def path_of(text: str) -> Path:
    """Parse a path.

    Raises:
        ValueError: it has an empty part, or one with blanks around it, or stands in quotes.

    """
    path = tuple(text.strip().split("."))
    if in_quotes(text):
        message = f"{text!r} stands in quotes, which would be a part of it"
        raise ValueError(message)
    if not all(path) or any(part != part.strip() for part in path):
        message = f"{text!r} names no field"
        raise ValueError(message)
    return path


def in_quotes(text: str) -> bool:
    """Return whether a text stands in quotes, as it would in other formats than properties."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


@lru_cache(maxsize=4096)
def leading(paths: tuple[Path, ...]) -> Mapping[str, tuple[Path, ...]]:
    """Return the names with which paths may begin, such as `a`, `a.b` and `a.b.c`, and the rests after each."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in paths:
        for count in range(1, len(path) + 1):
            name = ".".join(path[:count])
            found[name] = (*found.get(name, ()), path[count:])
    return found


@lru_cache(maxsize=4096)
def _endings(paths: tuple[Path, ...]) -> tuple[bytes, ...]:
    """Return the texts of which JSON must hold one if it has a field that one of the paths may lead to.

    They are the ends of the names of these fields and of those below them, as JSON spells them without escapes.
    """
    names = {_encode(path[-1])[1:-1] for path in paths}
    return tuple(name + behind for name in names for behind in (b'"', b"."))


def opened(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Open an object or a list by one level; return any other value as it is.

    Raises:
        TooMany: the list is too large.

    """
    if type(value) is not Raw:
        return value
    view = memoryview(value)
    if view[0] == ord("{"):
        return _open_object(view)
    if view[0] != ord("["):
        return value
    if len(view) > _WORTH_A_COUNT and values_of(outside(bytes(view))) > MOST_VALUES:
        raise TooMany
    return _open_list(view)


def opened_for(value: Any, paths: tuple[Path, ...]) -> Any:  # noqa: ANN401 - JSON
    """Open a value if it may contain what one of the paths leads to; otherwise return it as it is."""
    if type(value) is not Raw:
        return value
    text = bytes(value)
    if text[:1] not in (b"{", b"[") or (b"\\" not in text and not any(ending in text for ending in _endings(paths))):
        return value
    return opened(value)


def values_at(value: Any, path: Path, budget: Budget) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield each value that the path leads to, in the order of the document.

    Values that are opened on the way stay open, since other paths lead through them too.
    """
    if type(value) is dict:
        for name, (rest,) in leading((path,)).items():
            if name in value:
                if rest:
                    inner = value[name] = opened_for(value[name], (rest,))
                    yield from values_at(inner, rest, budget)
                else:
                    yield value[name]
    elif type(value) is list:
        budget.spend(len(value))
        for at, inner in enumerate(value):
            if type(inner) in _INWARD:
                value[at] = opened_for(inner, (path,))
                yield from values_at(value[at], path, budget)
