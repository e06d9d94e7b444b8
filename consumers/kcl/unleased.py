"""Finds the shards of a stream that have no lease and should have one. Pure.

KCL makes a child's lease when its parent has been read to its end, before that end is committed (`ShutdownTask`), or
when its leader compares the table with the stream (`PeriodicShardSyncManager`: every two minutes, at the third time).
It deletes a parent's lease only once each child has begun (`LeaseCleanupManager`). At LATEST or at a time it begins
with the shards of that moment. So a shard without a lease is finished, or older than where reading began, exactly if a
descendant of it has a lease. Source: KCL 3.1.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from consumers.hours.lineage import StreamShard
from consumers.kcl.holding import ENDED


@dataclass(frozen=True, slots=True)
class Unleased:
    """A shard that no worker reads yet. `after` is the parent whose end it waits for, or empty."""

    shard: str
    why: str
    after: str = ""


def unleased(shards: Sequence[StreamShard], checkpoints: Mapping[str, str]) -> list[Unleased]:
    """List the shards that have no lease and need one, the eldest of each line, and ended shards without a child.

    `checkpoints` are those of all leases by shard. `shards` were listed after these had been read.
    """
    begun = _begun(shards, checkpoints)
    found: dict[str, Unleased | None] = {}
    listed = {shard.shard: shard for shard in shards}
    for name in _parents_first(shards):
        if name not in begun:
            found[name] = _judge(listed[name], checkpoints, found)
    parents = {parent for shard in shards for parent in shard.parents}
    endings = [
        Unleased(name, "it has been read to its end, and the stream lists no shard after it yet")
        for name in listed
        if checkpoints.get(name) == ENDED and name not in parents
    ]
    return [*endings, *(one for one in found.values() if one)]


def gone(shards: Sequence[StreamShard], checkpoints: Mapping[str, str]) -> list[str]:
    """List the open leases whose shards the stream no longer has: their unread records have expired."""
    listed = {shard.shard for shard in shards}
    return [name for name, checkpoint in checkpoints.items() if checkpoint != ENDED and name not in listed]


def _judge(shard: StreamShard, leases: Mapping[str, str], found: Mapping[str, Unleased | None]) -> Unleased | None:
    """Return the shard with the reason; None if the eldest of its line is listed already."""
    open_ones = [parent for parent in shard.parents if leases.get(parent, ENDED) != ENDED]
    if open_ones:
        return Unleased(shard.shard, f"its turn comes when {open_ones[0]} has been read to its end", open_ones[0])
    if any(parent in found for parent in shard.parents):
        return None
    ended = [parent for parent in shard.parents if parent in leases]
    if ended:
        return Unleased(shard.shard, f"it has no lease, and {ended[0]} before it has been read to its end")
    return Unleased(shard.shard, "it has no lease: nobody reads it")


def _begun(shards: Sequence[StreamShard], leases: Mapping[str, str]) -> set[str]:
    """Return the shards that have a lease, and all their ancestors."""
    parents = {shard.shard: shard.parents for shard in shards}
    begun: set[str] = set()
    waiting = list(leases)
    while waiting:
        name = waiting.pop()
        if name not in begun:
            begun.add(name)
            waiting += parents.get(name, ())
    return begun


def _parents_first(shards: Sequence[StreamShard]) -> list[str]:
    listed = {shard.shard for shard in shards}
    return [*TopologicalSorter({one.shard: [p for p in one.parents if p in listed] for one in shards}).static_order()]
