"""The identity of a stream's hours."""

from dataclasses import dataclass

from consumers.chain.layout import Layout


@dataclass(frozen=True, slots=True)
class HoursPlace:
    """The hours of one application and stream.

    `stream` is the stream's identity, `layout.stream` its name. `grace_ms` is how long after an hour's end its records
    may still come. `retention_ms` is how long the stream keeps records. Both are in milliseconds.
    """

    application: str
    stream: str
    layout: Layout
    grace_ms: int
    retention_ms: int
