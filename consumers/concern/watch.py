"""Follows one shard's deliveries to a destination without hours: it finds records that end the process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.letters.suspects import Suspects
from consumers.records import Record


@dataclass(slots=True)
class ConcernWatch:
    """The pipeline's watch. `claim` verifies, once, that no other application uses the dead letters' folder."""

    suspects: Suspects
    claim: Callable[[], None]

    def received(self, records: Sequence[Record], *, caught_up: bool) -> bool:  # noqa: ARG002 - as the protocol has it
        """Count a start of the shard with its first records. Return False: such a destination cannot mark gaps."""
        if records and not self.suspects.known:
            self.claim()
            self.suspects.begin()
        return False

    def ready(self, records: Sequence[Record]) -> int:
        """Return how many of these records may be prepared now."""
        return self.suspects.ready(records)

    def settled(self, oldest_ms: int | None) -> None:
        """Stop suspecting the records once nothing is open."""
        self.suspects.settled(oldest_ms)

    def ended(self) -> None:
        """Do nothing: no state is kept of a shard's end."""
