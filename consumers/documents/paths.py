"""What a field's path means: one meaning, for whatever names fields. Pure.

`payload.live` is `live` of the object `payload`, or a field whose own name is `payload.live`: a search server tells
neither from the other. Where the way leads through a list, it leads into each object of it, in lists of lists too. So
a path may lead to several values.

A value is what it reads as, or a `Raw` of its JSON, which is opened where a path leads into it. What no path leads into
is never read: it keeps its bytes.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.nesting import TooMany, outside, values_of

Path = tuple[str, ...]


NOTHING = object()
"""There is no such field. It is not null."""

MOST_VALUES = 100_000
"""No path leads into a list of more, those within its lists and objects included."""

MOST_MEMBERS = 1_000_000
"""So many members of lists are looked at for one record: some seconds at the worst."""

_WORTH_A_COUNT = 1 << 17
_INWARD = frozenset({dict, list, Raw})
_open_object = msgspec.json.Decoder(dict[str, Raw]).decode
_open_list = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


class Budget:
    """How many members of lists may still be looked at."""

    def __init__(self, members: int = MOST_MEMBERS) -> None:
        """Begin."""
        self._left = members

    def spend(self, members: int) -> None:
        """Count some.

        Raises:
            TooMany: there are more than may be.

        """
        self._left -= members
        if self._left < 0:
            raise TooMany


def path_of(text: str) -> Path:
    """Read a path.

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
    """Whether quotes stand around it, as other files than properties have them."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


@lru_cache(maxsize=4096)
def leading(paths: tuple[Path, ...]) -> Mapping[str, tuple[Path, ...]]:
    """Give the names that these paths may begin with, and what is left of them behind each: `a`, `a.b`, `a.b.c`."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in paths:
        for count in range(1, len(path) + 1):
            name = ".".join(path[:count])
            found[name] = (*found.get(name, ()), path[count:])
    return found


@lru_cache(maxsize=4096)
def _endings(paths: tuple[Path, ...]) -> tuple[bytes, ...]:
    """Give what the names of such fields, and of those below them, hold, as JSON spells them without escapes."""
    names = {_encode(path[-1])[1:-1] for path in paths}
    return tuple(name + behind for name in names for behind in (b'"', b"."))


def opened(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Open an object or a list by one level; give what is neither as it is.

    Raises:
        TooMany: it is too large a list.

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
    """Open it if something may be in it that such a path leads to."""
    if type(value) is not Raw:
        return value
    text = bytes(value)
    if text[:1] not in (b"{", b"[") or (b"\\" not in text and not any(ending in text for ending in _endings(paths))):
        return value
    return opened(value)


def values_at(value: Any, path: Path, budget: Budget) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Give each value that the path leads to, in the order of the document.

    What is opened on the way stays so: other paths lead through it too.
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
