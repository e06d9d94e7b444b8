"""Words for operators on what is wrong with a value."""

import operator
import re
from collections.abc import Callable, Mapping

from msgspec import inspect

COMMENT = "holds a comment, and a comment stands on a line of its own"
COMMENT_REMEDY = "Move it to a line above, which begins with #"
_COMMENT = re.compile(r"\s[#!]")
_WHOLE = re.compile(r"-?\d{1,4000}")
_HUGE = 2**31 - 1

Number = int | float

_SIDES: Mapping[str, tuple[str, Callable[[Number, Number], bool]]] = {
    "gt": ("more than", operator.gt),
    "ge": ("at least", operator.ge),
    "lt": ("less than", operator.lt),
    "le": ("at most", operator.le),
}


def holds_comment(value: str) -> bool:
    """Return whether ``value`` ends with what looks like a comment. Java would treat it as part of the value."""
    return _COMMENT.search(value) is not None


def free_text(annotation: object) -> bool:
    """Return whether a field accepts any text, so that a ``#`` in it may be intended."""
    kind = _kind(annotation)
    if not isinstance(kind, inspect.StrType):
        return False
    return kind.pattern is None and kind.min_length is None and kind.max_length is None


def refusal(value: str, annotation: object) -> str:
    """Return why ``value`` is not accepted for a field of the type ``annotation``."""
    kind = _kind(annotation)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        whole = isinstance(kind, inspect.IntType)
        return number(value, whole=whole, bounds=_bounds(kind)) or f"{value!r} does not have the form asked for"
    if isinstance(kind, inspect.BoolType):
        return f"{value!r} is neither true nor false"
    if isinstance(kind, inspect.LiteralType):
        return f"{value!r} is none of {', '.join(str(choice) for choice in kind.values if choice != '')}"
    if isinstance(kind, inspect.StrType) and (problem := _length(value, kind)):
        return problem
    return f"{value!r} does not have the form asked for"


def accepted(annotation: object) -> str:
    """Return what a field of the type ``annotation`` accepts."""
    kind = _kind(annotation)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        sides = [f"{_SIDES[name][0]} {plain(bound)}" for name, bound in _bounds(kind).items() if bound < _HUGE]
        return f"{'A whole number' if isinstance(kind, inspect.IntType) else 'A number'} {', '.join(sides)}".rstrip()
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.LiteralType):
        return f"One of {', '.join(str(choice) for choice in kind.values if choice != '')}"
    return "A text"


def number(value: str, *, whole: bool, bounds: dict[str, Number]) -> str | None:
    """Return why ``value`` is not a number within ``bounds`` (``gt``, ``ge``, ``lt``, ``le``), or None."""
    if whole and _WHOLE.fullmatch(value) is None:
        return f"{value!r} is not a whole number"
    try:
        given: Number = int(value) if whole else float(value)
    except ValueError:
        return f"{value!r} is not a number"
    for name, (side, kept) in _SIDES.items():
        if name in bounds and not kept(given, bounds[name]):
            # A technical limit such as 2**31 - 1 tells an operator nothing.
            huge = f"{value} is too large a number"
            return f"must be {side} {plain(bounds[name])}, not {value}" if bounds[name] < _HUGE else huge
    return None


def plain(value: Number) -> str:
    """Return a number as text without an exponent, and without a fraction if it is whole."""
    return str(int(value)) if value == int(value) else str(value)


def _bounds(kind: inspect.IntType | inspect.FloatType) -> dict[str, Number]:
    return {name: bound for name in _SIDES if (bound := getattr(kind, name)) is not None}


def _length(value: str, kind: inspect.StrType) -> str | None:
    if kind.min_length is not None and len(value) < kind.min_length:
        return f"must have at least {kind.min_length} characters, not {len(value)}"
    if kind.max_length is not None and len(value) > kind.max_length:
        return f"must have at most {kind.max_length} characters, not {len(value)}"
    return None


def _kind(annotation: object) -> inspect.Type:
    kind = inspect.type_info(annotation)
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind
