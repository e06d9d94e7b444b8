"""Keeps, drops and renames fields by their paths. Pure.

A field includes all that a search server has below it: `payload` includes a field that is itself named `payload.live`.
"""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from consumers.documents.paths import NOTHING, Budget, Path, leading, opened_for, values_at

_encode = msgspec.json.Encoder().encode


class Conflict(Exception):
    """A field cannot be renamed, since another one has the new name."""


@lru_cache(maxsize=4096)
def _below(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the prefixes of the names of fields that a server has below these."""
    return tuple(f"{'.'.join(path)}." for path in paths)


def kept(value: Any, paths: tuple[Path, ...], budget: Budget) -> Any:  # noqa: ANN401 - JSON
    """Return the value with only what these paths lead to, or NOTHING."""
    found = opened_for(value, paths)
    if type(found) is dict:
        left = {name: inner for name, inner in found.items() if "." in name and name.startswith(_below(paths))}
        for name, rests in leading(paths).items():
            if name in found:
                part = found[name] if () in rests else kept(found[name], rests, budget)
                if part is not NOTHING:
                    left[name] = part
        return _closed(value, left) if left else NOTHING
    if type(found) is list:
        budget.spend(len(found))
        parts = [part for inner in found if (part := kept(inner, paths, budget)) is not NOTHING]
        return _closed(value, parts) if parts else NOTHING
    return NOTHING


def without(value: Any, paths: tuple[Path, ...], budget: Budget) -> Any:  # noqa: ANN401 - JSON
    """Return the value without what these paths lead to. A value that is no `Raw` is changed in place."""
    return _less(value, paths, budget, None)


def taken(value: Any, path: Path, budget: Budget) -> tuple[Any, list[tuple[str, Any]]]:  # noqa: ANN401 - JSON
    """Return the value without a field, and each part of that field with the rest of its name after the path."""
    parts = list[tuple[str, Any]]()
    return _less(value, (path,), budget, parts), parts


def _less(value: Any, paths: tuple[Path, ...], budget: Budget, parts: list[tuple[str, Any]] | None) -> Any:  # noqa: ANN401 - JSON
    found = opened_for(value, paths)
    if type(found) is dict:
        for name in [name for name in found if "." in name and name.startswith(_below(paths))]:
            part = found.pop(name)
            if parts is not None:
                parts.append((name[len(".".join(paths[0])) :], part))
        for name, rests in leading(paths).items():
            if name not in found:
                continue
            if () not in rests:
                found[name] = _less(found[name], rests, budget, parts)
                continue
            part = found.pop(name)
            if parts is not None:
                parts.append(("", part))
        return _closed(value, found)
    if type(found) is list:
        budget.spend(len(found))
        found[:] = [_less(inner, paths, budget, parts) for inner in found]
        return _closed(value, found)
    return value


def renamed(value: Any, old: Path, name: str, budget: Budget) -> Any:  # noqa: ANN401 - JSON
    """Return the value with the last name of a path replaced, in each object that has it.

    Raises:
        Conflict: an object already has a field of the new name.

    """
    found = opened_for(value, (old,))
    if type(found) is list:
        budget.spend(len(found))
        found[:] = [renamed(inner, old, name, budget) for inner in found]
        return _closed(value, found)
    if type(found) is not dict:
        return value
    new, before, after = (*old[:-1], name), ".".join(old), ".".join((*old[:-1], name))
    mine = [one for one in found if one == before or one.startswith(f"{before}.")]
    if mine and (
        next(values_at(found, new, budget), NOTHING) is not NOTHING or any(one.startswith(f"{after}.") for one in found)
    ):
        raise Conflict
    for holder, (rest,) in leading((old,)).items():
        if rest and holder in found:
            found[holder] = renamed(found[holder], rest, name, budget)
    for one in mine:
        found[after + one[len(before) :]] = found.pop(one)
    return _closed(value, found)


def _closed(value: Any, made: Any) -> Any:  # noqa: ANN401 - JSON
    """Encode what was opened, so that a large document is not held open as a whole."""
    return Raw(_encode(made)) if type(value) is Raw else made
