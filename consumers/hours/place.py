"""Whose hours they are."""

from dataclasses import dataclass

from consumers.chain.layout import Layout


@dataclass(frozen=True, slots=True)
class HoursPlace:
    """An application's hours of a stream.

    `stream` identifies it, `layout.stream` is its name. `grace_ms` is how long after an hour's end records of it may
    come, `retention_ms` how long the stream keeps them, both in milliseconds.
    """

    application: str
    stream: str
    layout: Layout
    grace_ms: int
    retention_ms: int
