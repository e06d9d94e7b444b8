"""Checks whether all shards that existed in an hour have passed it. Pure, and safe with a stale list of shards."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumers.hours.mark import Mark
from consumers.records import HOUR_MS

BEHIND = "its watermark is behind"
NOT_BEGUN = "it has not begun"
NO_CHILDREN = "it has ended, and its children are not listed yet"


@dataclass(frozen=True, slots=True)
class StreamShard:
    """A shard as Kinesis lists it, open or closed, with its range of hash keys, both ends included."""

    shard: str
    parents: tuple[str, ...]
    first_hash: int
    last_hash: int


@dataclass(frozen=True, slots=True)
class Blocker:
    """The shard that an hour waits for, and the reason."""

    shard: str
    why: str


def blocker(shards: Sequence[StreamShard], marks: Mapping[str, Mark], end_ms: int, grace_ms: int) -> Blocker | None:
    """Return the first shard that has not passed the end of an hour, or None if all have."""
    return next(blockers(shards, marks, end_ms, grace_ms), None)


def blockers(shards: Sequence[StreamShard], marks: Mapping[str, Mark], end_ms: int, grace_ms: int) -> Iterator[Blocker]:
    """Yield the shards that have not passed the end of an hour.

    A shard that has ended has passed only if the list names children for the whole of its range: these are listed, and
    so are checked like any other. A shard without a mark counts as never to be read only if one of its descendants is
    being read: KCL begins a child after its parents' end, and that end is marked before it is checkpointed.
    """
    children = _children(shards)
    for shard in shards:
        mark = marks.get(shard.shard)
        if mark is None:
            if not _passed_over(shard, children, marks):
                yield Blocker(shard.shard, NOT_BEGUN)
        elif mark.ended:
            if not _covered(shard, children.get(shard.shard, ())):
                yield Blocker(shard.shard, NO_CHILDREN)
        elif not mark.passed(end_ms, grace_ms):
            yield Blocker(shard.shard, BEHIND)


def skipped(shards: Iterable[StreamShard], marks: Mapping[str, Mark]) -> Iterator[tuple[str, int, int]]:
    """Yield the shards that should have been read and were not, and the time range in which their records arrived.

    A child of a shard that was read has a mark before its own children have one, unless it was skipped.
    """
    listed = tuple(shards)
    children = _children(listed)
    for shard in listed:
        parents = [marks[parent] for parent in shard.parents if parent in marks]
        if shard.shard in marks or not parents:
            continue
        begun = [marks[one].began_ms for one in _descendants(shard, children) if one in marks]
        if begun:
            yield shard.shard, min(parent.watermark_ms for parent in parents), min(begun) + HOUR_MS


def _children(shards: Iterable[StreamShard]) -> dict[str, list[StreamShard]]:
    children: dict[str, list[StreamShard]] = {}
    for shard in shards:
        for parent in shard.parents:
            children.setdefault(parent, []).append(shard)
    return children


def _passed_over(shard: StreamShard, children: Mapping[str, Sequence[StreamShard]], marks: Mapping[str, Mark]) -> bool:
    """Return whether reading began after this shard, at one of its descendants."""
    return any(one in marks for one in _descendants(shard, children))


def _descendants(shard: StreamShard, children: Mapping[str, Sequence[StreamShard]]) -> Iterator[str]:
    waiting, seen = [shard], set()
    while waiting:
        for child in children.get(waiting.pop().shard, ()):
            if child.shard not in seen:
                seen.add(child.shard)
                waiting.append(child)
                yield child.shard


def _covered(parent: StreamShard, children: Iterable[StreamShard]) -> bool:
    reached = parent.first_hash
    for child in sorted(children, key=lambda child: child.first_hash):
        if child.first_hash > reached:
            break
        reached = max(reached, child.last_hash + 1)
    return reached > parent.last_hash
