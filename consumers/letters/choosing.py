"""The options by which a command chooses dead letters."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from consumers.audit.place import hour_given
from consumers.hours.times import hour_text
from consumers.letters.permit import LONGEST_MS
from consumers.letters.reading import Selection
from consumers.records import HOUR_MS, LAST_MS, Position

_UNITS_MS = {"s": 1000, "m": 60_000, "h": HOUR_MS}
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """The properties file, the first and the last hour by their first milliseconds, and the selection within them."""

    file: Path
    first_ms: int
    last_ms: int
    selection: Selection

    def only(self, positions: tuple[str, ...]) -> "Choice":
        """Return the choice limited to these positions.

        Raises:
            click.UsageError: a text is not a position.

        """
        return replace(self, selection=self.selection._replace(positions=frozenset(map(_position, positions))))


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Add to a command the argument and the options that choose dead letters. It receives a `Choice`."""

    @functools.wraps(command)
    def chosen(file: Path, first: str, last: str, shard: str, **rest: Any) -> None:  # noqa: ANN401 - the command's own
        selection = Selection(shard, frozenset(rest.pop("reasons")))
        command(Choice(file, *_hours(first, last), selection), **rest)

    options = (
        click.argument("file", type=click.Path(path_type=Path)),
        click.option("--from", "first", default="", metavar="HOUR", help="The first hour, 2026-01-31T23, or day."),
        click.option("--to", "last", default="", metavar="HOUR", help="The last hour, or day."),
        click.option("--shard", default="", metavar="SHARD", help="Only this shard's."),
        click.option("--reason", "reasons", multiple=True, metavar="WORD", help="Only of this reason; repeatable."),
    )
    wrapped: Callable[..., None] = chosen
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def milliseconds(text: str, option: str = "--for", longest_ms: int = LONGEST_MS) -> int:
    """Parse a duration that was given to an option.

    Raises:
        click.UsageError: it is not a duration, or too long.

    """
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS_MS or not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        message = f"{option} {text!r} is no time. Give it as 30m or 1h"
        raise click.UsageError(message)
    for_ms = int(number) * _UNITS_MS[unit]
    if for_ms > longest_ms:
        message = f"{option} {text} is too long. Give {longest_ms // HOUR_MS}h at the most"
        raise click.UsageError(message)
    return for_ms


def _hours(first: str, last: str) -> tuple[int, int]:
    first_ms = hour_given(first, "--from", 0) if first else 0
    last_ms = hour_given(last, "--to", 23) if last else LAST_MS
    if first_ms > last_ms:
        message = f"--from {hour_text(first_ms)} is after --to {hour_text(last_ms)}"
        raise click.UsageError(message)
    return first_ms, last_ms


def _position(text: str) -> Position:
    try:
        return Position.parse(text if ":" in text else f"{text}:0")
    except ValueError as fault:
        message = f"--position {text[:80]!r} is none. Give it as SEQUENCE:SUB, as show prints it"
        raise click.UsageError(message) from fault
