"""How much one shard's payloads were inflated to: the work of judging, also where nothing is left of it."""

from dataclasses import dataclass, field

from consumers.turn import NoTurn

LARGE_BYTES = 1 << 20
"""What is inflated to more is judged in turn: it takes a multiple of its size while it is."""


@dataclass(slots=True)
class Meter:
    """Hears of each payload that came compressed, before it is read, and only ever grows.

    Whoever gathers records ends the `turn` that a large one has begun.
    """

    turn: NoTurn = field(default_factory=NoTurn)
    total_bytes: int = 0

    def add(self, size_bytes: int) -> None:
        """Count one more, and wait for a turn at it if it is large."""
        self.total_bytes += size_bytes
        if size_bytes > LARGE_BYTES:
            self.turn.take()
