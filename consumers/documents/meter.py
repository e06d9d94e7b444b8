"""Counts how many bytes a shard's payloads were inflated to, which is work even if nothing of them is kept."""

from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """A total that only grows."""

    total_bytes: int = 0

    def add(self, size_bytes: int) -> None:
        """Add the size of one payload that came compressed."""
        self.total_bytes += size_bytes
