"""What is made of a document before it is indexed: fields kept, dropped and renamed, and documents left out on purpose.

A field is named by its path: `event`, or `payload.userAgent` for one inside an object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_NOTHING = object()
_ENCODER = msgspec.json.Encoder()


class Conflict(Exception):
    """A field cannot be renamed: something stands where it would go."""


Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A field has this value: a string, or what its JSON reads as (`true`, `12`, `null`)."""

    path: Path
    value: str

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Say whether it does."""
        found = _find(fields, self.path)
        if isinstance(found, str):
            return found == self.value
        return found is not _NOTHING and _ENCODER.encode(found) == self.value.encode()


@dataclass(frozen=True, slots=True)
class Shape:
    """What is configured. Without any of it, a document is indexed byte for byte."""

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
        """Whether documents are left out."""
        return bool(self.include or self.exclude)

    def passes(self, fields: Mapping[str, Any]) -> bool:
        """Say whether a document is to be indexed: one `include` holds, where there are any, and no `exclude` does."""
        if any(condition.holds(fields) for condition in self.exclude):
            return False
        return not self.include or any(condition.holds(fields) for condition in self.include)

    def apply(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Make the document anew: what is kept, less what is dropped, under its new names.

        Raises:
            Conflict: a new name is taken.

        """
        if self.keep:
            kept: dict[str, Any] = {}
            for path in self.keep:
                value = _find(fields, path)
                if value is not _NOTHING:
                    _set(kept, path, value)
            fields = kept
        for path in self.drop:
            _drop(fields, path)
        for old, new in self.rename:
            value = _take(fields, old)
            if value is not _NOTHING:
                _set(fields, new, value)
        return fields


def paths_of(text: str) -> tuple[Path, ...]:
    """Read `event, payload.userAgent`.

    Raises:
        ValueError: a part names no field, or one that another part holds already.

    """
    paths = tuple(_path(part) for part in _parts(text))
    for number, path in enumerate(paths):
        if any(number != other and path[: len(outer)] == outer for other, outer in enumerate(paths)):
            message = f"{'.'.join(path)!r} is named twice, or inside another one"
            raise ValueError(message)
    return paths


def renames_of(text: str) -> tuple[tuple[Path, Path], ...]:
    """Read `old:new, payload.old:payload.new`.

    Raises:
        ValueError: a part has no colon, or an empty side.

    """
    pairs = [part.partition(":") for part in _parts(text)]
    return tuple((_path(old), _path(new)) for old, _, new in pairs)


def conditions_of(text: str) -> tuple[Condition, ...]:
    """Read `event=heartbeat, payload.live=true`.

    Raises:
        ValueError: a part has no `=`, or no field before it.

    """
    found = []
    for part in _parts(text):
        path, equals, value = part.partition("=")
        if not equals:
            message = f"{part!r} has no '='"
            raise ValueError(message)
        found.append(Condition(_path(path), value.strip()))
    return tuple(found)


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _path(text: str) -> Path:
    path = tuple(text.strip().split("."))
    if not all(path):
        message = f"{text!r} names no field"
        raise ValueError(message)
    return path


def _find(fields: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - a document's values
    value: Any = fields
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _NOTHING
        value = value[name]
    return value


def _take(fields: dict[str, Any], path: Path) -> Any:  # noqa: ANN401 - a document's values
    holder = _find(fields, path[:-1]) if path[1:] else fields
    return holder.pop(path[-1], _NOTHING) if isinstance(holder, dict) else _NOTHING


def _drop(value: Any, path: Path) -> None:  # noqa: ANN401 - a document's values
    """Drop a field wherever servers would find it: inside the objects of an array too, and with dots in its name."""
    if isinstance(value, list):
        for inner in value:
            _drop(inner, path)
    elif isinstance(value, dict):
        for count in range(1, len(path)):
            if (name := ".".join(path[:count])) in value:
                _drop(value[name], path[count:])
        value.pop(".".join(path), None)


def _set(fields: dict[str, Any], path: Path, value: Any) -> None:  # noqa: ANN401 - a document's values
    for name in path[:-1]:
        inner = fields.setdefault(name, {})
        if not isinstance(inner, dict):
            raise Conflict
        fields = inner
    if path[-1] in fields:
        raise Conflict
    fields[path[-1]] = value
