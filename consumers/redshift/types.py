"""The column types of Redshift that a table file may name. Pure.

Source: "Data types" in the Amazon Redshift Database Developer Guide.
"""

import re
from typing import NamedTuple

_INTEGERS = {"smallint": 16, "integer": 32, "bigint": 64}
_PLAIN = frozenset({*_INTEGERS, "real", "double precision", "boolean", "date", "timestamp", "timestamptz", "super"})
_ALIASES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "double": "double precision",
    "bool": "boolean",
    "numeric": "decimal",
    "character varying": "varchar",
    "character": "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
_TEXT = re.compile(r"(?P<name>[a-z][a-z0-9 ]*?)\s*(\(\s*(?P<numbers>\d{1,5}(\s*,\s*\d{1,3})?)\s*\))?", re.ASCII)
MOST_VARCHAR, MOST_CHAR, MOST_DIGITS, MOST_SCALE = 65_535, 4096, 38, 37


class WrongType(ValueError):
    """The text names no type that a table file may have. The message says what to write."""


class ColumnType(NamedTuple):
    """A type: its canonical name, and the numbers in its parentheses.

    `size` is the bytes of a varchar or char, the digits of a decimal, and the bits of an integer; otherwise 0.
    """

    name: str
    size: int = 0
    scale: int = 0

    def __str__(self) -> str:
        """Return the type as SQL."""
        if self.name == "decimal":
            return f"decimal({self.size},{self.scale})"
        return f"{self.name}({self.size})" if self.name in {"varchar", "char"} else self.name


def type_of(text: str) -> ColumnType:
    """Parse a type as a table file or the database's catalogue spells it.

    Raises:
        WrongType: there is no such type, or its numbers are out of range.
    """
    found = _TEXT.fullmatch(text.strip().lower())
    name = _ALIASES.get(found["name"], found["name"]) if found else ""
    numbers = [int(number) for number in (found["numbers"] or "").split(",") if number] if found else []
    if name in _PLAIN and not numbers:
        return ColumnType(name, _INTEGERS.get(name, 0))
    match name, numbers:
        case "varchar", [size] if 1 <= size <= MOST_VARCHAR:
            return ColumnType(name, size)
        case "char", [size] if 1 <= size <= MOST_CHAR:
            return ColumnType(name, size)
        case "decimal", [size, *rest] if 1 <= size <= MOST_DIGITS and sum(rest) <= min(size, MOST_SCALE):
            return ColumnType(name, size, sum(rest))
    message = (
        f"{text[:60]!r} is no type for a column. Give smallint, integer, bigint, decimal(p,s), real, double precision, "
        f"boolean, varchar(bytes) up to {MOST_VARCHAR}, char(bytes) up to {MOST_CHAR}, date, timestamp, timestamptz "
        "or super"
    )
    raise WrongType(message)


def grows(before: ColumnType, after: ColumnType) -> bool:
    """Return whether an existing column can be changed to this type in place: Redshift only widens varchar."""
    return before.name == after.name == "varchar" and before.size < after.size
