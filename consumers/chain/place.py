"""What a chain is joined with: its identity, and an observer of its growth."""

from dataclasses import dataclass
from typing import Protocol

from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.records import Position


class GrowthWatch(Protocol):
    """An observer of a chain's growth."""

    def lapse(self, first: Position) -> str | None:
        """Return the reason why records may be missing before an object that begins here, or None.

        A reason is returned once.
        """
        ...

    def stands(self, key: str, link: Link) -> None:
        """Note an object that was written or adopted, before anything of it is committed."""


class NoGrowthWatch:
    """A watch that does nothing."""

    def lapse(self, first: Position) -> str | None:  # noqa: ARG002 - as the protocol has it
        """Return None: no gap is known."""
        return None

    def stands(self, key: str, link: Link) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """The identity of a chain and of its writer.

    `stream` is the stream's ARN, or `region:name`: streams of one name must not share a chain. `retention_hours` is the
    stream's retention; older records expire.
    """

    application: str
    shard: str
    stream: str
    layout: Layout
    writer: str
    retention_hours: float

    def key(self, first: Position, arrival_ms: int) -> str:
        """Return the key of the object that begins with this record."""
        return self.layout.key(self.shard, first, arrival_ms)
