"""Follows one shard's deliveries to a destination without hours: it looks for records that end the process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.letters.suspects import Suspects
from consumers.records import Record


@dataclass(slots=True)
class ConcernWatch:
    """The pipeline's watch. `claim` makes sure that the dead letters' folder is nobody else's, once."""

    suspects: Suspects
    claim: Callable[[], None]

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Count the shard's beginning with its first records. No gap can be marked in such a destination."""
        if records and not self.suspects.known:
            self.claim()
            self.suspects.begin()
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these may be prepared now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Trust the records again once nothing is open."""
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Nothing is kept of a shard's end."""
