"""State that must be known before records are judged: the names of their indices, and condemned records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.letters.suspects import Suspects
from consumers.records import HOUR_MS, Record
from consumers.search.names import IndexNames


def nobody() -> None:
    """Do nothing: no claim is needed."""


@dataclass(slots=True)
class Following:
    """The pipeline's watch over the deliveries of one shard.

    `claim` verifies, once, that no other application uses this shard's stored state.
    """

    names: IndexNames
    suspects: Suspects
    claim: Callable[[], None] = nobody

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Look up the index names that the records need. Return False: an index has no gaps to mark."""
        if not records:
            return False
        if not self.suspects.known:
            self.claim()
        self.names.learn({record.arrival_ms // HOUR_MS for record in records})
        self.suspects.begin()
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these records may be judged now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Stop suspecting the records once nothing of a delivery is open."""
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Do nothing at the end of the shard."""
