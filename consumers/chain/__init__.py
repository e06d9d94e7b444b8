"""The chain of a shard's objects: gapless and without overlaps, whichever process writes them (docs/guarantee.md)."""
