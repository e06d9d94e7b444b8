"""A shard's objects form one gapless chain without overlaps, whoever writes them (docs/guarantee.md)."""
