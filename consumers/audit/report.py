"""The state of each hour: whether it is complete, and what it waits for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.store import ObjectStore
from consumers.hours.hours import Frontier, ShardList
from consumers.hours.lineage import Blocker, StreamShard, blockers
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Totals
from consumers.hours.mark import Mark, load, marks_folder
from consumers.hours.overdue import REMEDIES
from consumers.hours.place import HoursPlace
from consumers.hours.stored import note_at
from consumers.hours.times import hour_text, moment_text
from consumers.records import HOUR_MS


class Waiting(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A shard that an hour waits for, why, and the remedy. `lag_seconds` is the lag of its watermark."""

    shard: str
    why: str
    remedy: str
    watermark: str = ""
    lag_seconds: int | None = None


class HourState(msgspec.Struct, frozen=True, rename="camel"):
    """The state of one hour.

    `state` is complete, incomplete (records may be missing for good), waiting, open, gone, or before the first.
    `revision` is the manifest's: above 1, records came late. `reasons` say why the hour is incomplete. `waited_seconds`
    counts from the hour's end and its grace.
    """

    hour: str
    state: str
    revision: int = 0
    totals: Totals = Totals()
    reasons: tuple[str, ...] = ()
    waits_for: tuple[Waiting, ...] = ()
    waited_seconds: int = 0


class HoursReport:
    """Reports the hours of one stream."""

    def __init__(self, store: ObjectStore, place: HoursPlace, layouts: Iterable[Layout], shards: ShardList) -> None:
        """Store the parts. `layouts` are all layouts in which hours were decided."""
        self._layouts = tuple(layouts)
        self._store = store
        self._place = place
        self._shards = shards

    def states(self, first_ms: int, last_ms: int, frontier: Frontier | None) -> Iterator[HourState]:
        """Yield the states of the hours from the first to the last.

        Raises:
            Unavailable: the bucket or the stream does not answer.
        """
        now_ms = self._store.now_ms()
        marks: Mapping[str, Mark] | None = None
        listed: Sequence[StreamShard] = ()
        for hour_ms in range(first_ms, last_ms + 1, HOUR_MS):
            decided = self._decided(hour_ms)
            if decided:
                yield decided
            elif hour_ms + HOUR_MS > now_ms:
                yield HourState(hour_text(hour_ms), "open")
            elif frontier and hour_ms < frontier.first_ms:
                yield HourState(hour_text(hour_ms), "before the first")
            elif frontier and hour_ms < frontier.next_ms:
                yield HourState(hour_text(hour_ms), "gone", reasons=("it was decided, and its marker was deleted",))
            else:
                if marks is None:
                    marks, listed = self._marks(), self._shards.list()
                found = blockers(listed, marks, hour_ms + HOUR_MS, self._place.grace_ms)
                behind = tuple(_waiting(one, marks, now_ms) for one in found)
                over_ms = hour_ms + HOUR_MS + self._place.grace_ms
                waited_s = max(now_ms - over_ms, 0) // 1000
                yield HourState(hour_text(hour_ms), "waiting", waits_for=behind, waited_seconds=waited_s)

    def _decided(self, hour_ms: int) -> HourState | None:
        for folder in dict.fromkeys(layout.folder(hour_ms) for layout in self._layouts):
            for name, state in ((SUCCESS, "complete"), (INCOMPLETE, "incomplete")):
                first = note_at(self._store, f"{folder}{name}")
                if first is not None:
                    last = note_at(self._store, f"{folder}{LATE}") or first
                    return HourState(last.hour, state, last.revision, last.totals, tuple(map(str, first.holes)))
        return None

    def _marks(self) -> dict[str, Mark]:
        found = {}
        for entry in self._store.list(marks_folder(self._place.application, self._place.layout.stream)):
            mark, _ = load(self._store, entry.key)
            if mark:
                found[mark.shard] = mark
        return found


def _waiting(blocker: Blocker, marks: Mapping[str, Mark], now_ms: int) -> Waiting:
    mark, remedy = marks.get(blocker.shard), REMEDIES[blocker.why]
    if mark is None or mark.ended:
        return Waiting(blocker.shard, blocker.why, remedy)
    lag_s = (now_ms - mark.watermark_ms) // 1000
    return Waiting(blocker.shard, blocker.why, remedy, moment_text(mark.watermark_ms), lag_s)
