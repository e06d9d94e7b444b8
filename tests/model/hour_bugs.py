"""Seeded bugs of the hours: each must be found by the model, or the model proves nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from consumers.chain.link import Link
from consumers.hours import beginning, hours, watch
from consumers.hours.hours import Hours
from consumers.hours.joints import Joints
from consumers.hours.lineage import NO_CHILDREN, Blocker, StreamShard, blocker
from consumers.hours.mark import Mark, merge
from consumers.hours.reading import Reading
from consumers.hours.seals import Sealer
from consumers.hours.watch import ShardWatch
from consumers.records import HOUR_MS, Record
from tests.memory_store import MemoryStore

Bug = Callable[[], AbstractContextManager[Any]]


class IgnoresClosedParents(Hours):
    """Asks only the shards that are open now, and being read."""

    def _behind(self, mark: Mark) -> bool:
        return False


def open_ones(shards: Sequence[StreamShard], marks: Mapping[str, Mark], *hour: int) -> Blocker | None:
    """Judge the shards that are open and being read."""
    parents = {parent for shard in shards for parent in shard.parents}
    judged = [shard for shard in shards if shard.shard not in parents and shard.shard in marks]
    return blocker(judged, marks, *hour)


def trusting(shards: Sequence[StreamShard], marks: Mapping[str, Mark], *hour: int) -> Blocker | None:
    """Take the list of shards for complete."""
    found = blocker(shards, marks, *hour)
    return None if found and found.why == NO_CHILDREN else found


class TrustsDelivery(Reading):
    """Dates an empty read by when it was delivered."""

    def received(self, records: Sequence[Record], now_ms: int, *, caught_up: bool) -> Any:
        gap = super().received(records, now_ms, caught_up=caught_up)
        if caught_up and not records:
            self._advance(now_ms)
        return gap


def hosts_clock(store: MemoryStore) -> int:
    """Take the time from a host that is one hour ahead."""
    return int(store.clock_ms()) + HOUR_MS


class ForgetsWhatIsLate(ShardWatch):
    """Does not revise a seal."""

    def stands(self, key: str, link: Link) -> None:
        if self._known and self._known.mark:
            self._known.sealer.stands(key, link)
        else:
            super().stands(key, link)


class PassesOverGaps(Reading):
    """Takes whatever is delivered for what follows."""

    def _gap(self, *_: object) -> None:
        return None


class SealsOnlyWhatThereIs(Sealer):
    """Leaves no word of an hour without an object."""

    def seal(self, hour_ms: int) -> Any:
        if not self._last(hour_ms) and not self._entries(hour_ms):
            return 0, []
        return super().seal(hour_ms)


class TrustsTheListing(Sealer):
    """Takes what is listed for all there was."""

    def _broken(self, *_: object) -> Any:
        return []


class MissesOnlyWhatOthersName(Sealer):
    """Forgets what this process has written itself."""

    def stands(self, key: str, link: Link) -> None:
        self.joints.stands(link)


def forgetful(theirs: Mark, mine: Mark) -> Mark:
    """Take a hole for settled, as everything before a watermark is."""
    gaps = tuple(gap for gap in mine.gaps if gap.to_ms > theirs.watermark_ms)
    return merge(theirs, replace(mine, gaps=gaps))


BUGS: Mapping[str, Bug] = {
    "ignores_closed_parents": lambda: _both(
        patch.object(watch, "Hours", IgnoresClosedParents), patch.object(hours, "blocker", open_ones)
    ),
    "trusts_the_list_of_shards": lambda: patch.object(hours, "blocker", trusting),
    "trusts_the_moment_of_delivery": lambda: patch.object(watch, "Reading", TrustsDelivery),
    "trusts_the_hosts_clock": lambda: patch.object(MemoryStore, "now_ms", hosts_clock),
    "forgets_what_is_late": lambda: patch("tests.model.hours.ShardWatch", ForgetsWhatIsLate),
    "sets_a_watermark_back": lambda: patch.object(watch, "merge", lambda _, mine: mine),
    "passes_over_gaps": lambda: patch.object(watch, "Reading", PassesOverGaps),
    "seals_only_what_there_is": lambda: patch.object(watch, "Sealer", SealsOnlyWhatThereIs),
    "trusts_the_listing": lambda: patch.object(watch, "Sealer", TrustsTheListing),
    "misses_only_its_own": lambda: patch.object(Joints, "loose", lambda *_: iter(())),
    "misses_only_what_others_name": lambda: patch.object(watch, "Sealer", MissesOnlyWhatOthersName),
    "takes_a_hole_for_settled": lambda: patch.object(watch, "merge", forgetful),
    "trusts_any_checkpoint": lambda: _both(
        patch.object(beginning, "Doubt", lambda *_: None), patch.object(Joints, "loose", lambda *_: iter(()))
    ),
}


class _both:  # noqa: N801 - used as a function
    """Two patches at once."""

    def __init__(self, *patches: Any) -> None:
        self.patches = patches

    def __enter__(self) -> None:
        for one in self.patches:
            one.__enter__()

    def __exit__(self, *of: object) -> None:
        for one in self.patches:
            one.__exit__(*of)
