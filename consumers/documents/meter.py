"""How much one shard's payloads were inflated to: the work of judging, also where nothing is left of it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """Hears of each payload that came compressed, and only ever grows."""

    total_bytes: int = 0

    def add(self, size_bytes: int) -> None:
        """Count one more."""
        self.total_bytes += size_bytes
