"""Changes to a document before it is indexed: fields to keep, drop and rename, and filters on documents.

A field is named by its path, such as `event` or `payload.userAgent`; consumers/documents/paths.py defines paths.
Values that no key names keep their bytes: numbers their digits, strings their escapes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.paths import NOTHING, Budget, Path, in_quotes, opened, path_of, values_at
from consumers.documents.reshaping import Conflict, kept, renamed, taken, without

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition that a field has a value: a string, or the text of its JSON (`true`, `12`, `null`).

    A field with several values meets the condition if one of them does.
    """

    path: Path
    value: str

    @property
    def of_number(self) -> bool:
        """Whether the condition can hold for a number."""
        return _NUMBER.fullmatch(self.value) is not None

    def holds(self, fields: dict[str, Any], budget: Budget | None = None) -> bool:
        """Return whether the condition holds for a document."""
        if len(self.path) == 1 and type(found := fields.get(self.path[0])) is str:
            return bool(found == self.value)
        budget = budget or Budget()
        return any(
            self._is(value) for found in values_at(fields, self.path, budget) for value in _members(found, budget)
        )

    def _is(self, value: Any) -> bool:  # noqa: ANN401 - a document's values
        if isinstance(value, str):
            return value == self.value
        written = bytes(value if type(value) is Raw else _encode(value))
        if written[:1] == b'"':
            return _decode_text(written) == self.value
        if written[:1] in b"{[":
            return msgspec.json.format(written, indent=-1) == self.value.encode()
        wanted = _wanted(self.value)
        return written == self.value.encode() or (wanted is not None and wanted == _number(written.decode()))


@dataclass(frozen=True, slots=True)
class Shape:
    """The configured changes and filters. Without any, a document is indexed byte for byte."""

    keep: tuple[Path, ...] = ()
    drop: tuple[Path, ...] = ()
    rename: tuple[tuple[Path, Path], ...] = ()
    include: tuple[Condition, ...] = ()
    exclude: tuple[Condition, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether documents are written anew."""
        return bool(self.keep or self.drop or self.rename)

    @property
    def filters(self) -> bool:
        """Whether documents may be left out."""
        return bool(self.include or self.exclude)

    @property
    def exact(self) -> bool:
        """Whether numbers are needed with the digits that were sent."""
        return self.changes or any(condition.of_number for condition in self.include + self.exclude)

    def passes(self, fields: dict[str, Any], budget: Budget | None = None) -> bool:
        """Return whether a document is indexed: an `include` holds, if there are any, and no `exclude` does.

        Raises:
            TooMany: a path leads into too large a list.
        """
        budget = budget or Budget()
        if any(condition.holds(fields, budget) for condition in self.exclude):
            return False
        return not self.include or any(condition.holds(fields, budget) for condition in self.include)

    def apply(self, fields: dict[str, Any], budget: Budget | None = None) -> dict[str, Any]:
        """Return the changed document: keep, then drop, then rename.

        Raises:
            Conflict: the document already has a field of the new name.
            TooMany: a path leads into too large a list.
        """
        budget = budget or Budget()
        if self.keep:
            left = kept(fields, self.keep, budget)
            fields = {} if left is NOTHING else left
        if self.drop:
            fields = without(fields, self.drop, budget)
        for old, new in self.rename:
            if old != new:
                beside = old[:-1] == new[:-1]
                fields = renamed(fields, old, new[-1], budget) if beside else _moved(fields, old, new, budget)
        return fields


def paths_of(text: str) -> tuple[Path, ...]:
    """Parse a list of fields, such as `event, payload.userAgent`.

    Raises:
        ValueError: a part is no path, or its field is part of another one in the list.
    """
    paths = tuple(path_of(part) for part in _parts(text))
    for number, path in enumerate(paths):
        if any(number != other and path[: len(outer)] == outer for other, outer in enumerate(paths)):
            message = f"{'.'.join(path)!r} is named twice, or inside another one"
            raise ValueError(message)
    return paths


def renames_of(text: str) -> tuple[tuple[Path, Path], ...]:
    """Parse a list of renames, such as `old:new, payload.old:payload.new`.

    Raises:
        ValueError: a part has no colon, or an empty side.
    """
    pairs = [part.partition(":") for part in _parts(text)]
    return tuple((path_of(old), path_of(new)) for old, _, new in pairs)


def conditions_of(text: str) -> tuple[Condition, ...]:
    """Parse a list of conditions, such as `event=heartbeat, payload.live=true`.

    Raises:
        ValueError: a part has no `=`, no field before it, or quotes around its value.
    """
    found = []
    for part in _parts(text):
        path, equals, value = part.partition("=")
        if not equals:
            message = f"{part!r} has no '='"
            raise ValueError(message)
        if in_quotes(value.strip()):
            message = f"{part!r} has quotes, which would be a part of the value"
            raise ValueError(message)
        found.append(Condition(path_of(path), value.strip()))
    return tuple(found)


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@lru_cache(maxsize=4096)
def _wanted(text: str) -> Decimal | None:
    return _number(text)


def _number(text: str) -> Decimal | None:
    """Return the number that a text represents, or None. Compared as Decimal, 1.10 equals 1.1 and no digit is lost."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent itself has too many digits
        return None


def _members(value: Any, budget: Budget) -> Iterator[Any]:  # noqa: ANN401 - a document's values
    """Yield a value, and each member if it is a list: a search server treats a list as several values of the field."""
    yield value
    inner = opened(value)
    if type(inner) is list:
        budget.spend(len(inner))
        for member in inner:
            yield from _members(member, budget)


def _moved(fields: dict[str, Any], old: Path, new: Path, budget: Budget) -> dict[str, Any]:
    """Move a field to another path. Several values become a list."""
    fields, parts = taken(fields, old, budget)
    together: dict[str, list[Any]] = {}
    for name, value in parts:
        together.setdefault(name, []).append(value)
    for name, values in together.items():
        _set(fields, (*new, *name.split(".")[1:]), values[0] if len(values) == 1 else values, budget)
    return fields


def _set(fields: dict[str, Any], path: Path, value: Any, budget: Budget) -> None:  # noqa: ANN401 - a document's values
    if next(values_at(fields, path, budget), NOTHING) is not NOTHING:
        raise Conflict
    for name in path[:-1]:
        inner = fields[name] = opened(fields.get(name, {}))
        if type(inner) is not dict:
            raise Conflict
        fields = inner
    fields[path[-1]] = value
