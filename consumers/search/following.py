"""What must be known before a delivery's records are judged: the names of their indices, and which are condemned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.letters.suspects import Suspects
from consumers.records import HOUR_MS, Record
from consumers.search.names import IndexNames


def nobody() -> None:
    """Claim nothing."""


@dataclass(slots=True)
class Following:
    """The pipeline's watch over the deliveries of one shard.

    `claim` makes sure, once, that what is kept of the shard is nobody else's.
    """

    names: IndexNames
    suspects: Suspects
    claim: Callable[[], None] = nobody

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Learn what the records need. An index has no gaps that anybody could mark."""
        if not records:
            return False
        if not self.suspects.known:
            self.claim()
        self.names.learn({record.arrival_ms // HOUR_MS for record in records})
        self.suspects.begin()
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these may be judged now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Trust the records again once nothing of a delivery is open."""
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Need nothing."""
