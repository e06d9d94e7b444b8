"""Reports when the next hour has waited for long, and the shard that it waits for. Each report is made once.

Every process of a fleet sees the same wait. So a process stores the time of its report with a conditional PUT before it
logs it. The others then stay silent for a while.
"""

from collections.abc import Callable

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.lineage import BEHIND, NO_CHILDREN, NOT_BEGUN, Blocker
from consumers.hours.mark import Mark
from consumers.hours.place import HoursPlace
from consumers.hours.stored import decoded
from consumers.hours.times import hour_text, moment_text
from consumers.metrics import METER
from consumers.records import HOUR_MS
from consumers.waiting import Log

LONG_MS = 15 * 60_000
"""The wait after an hour's end and grace from which it is reported, and the time between two reports."""
_ALARM_MS = HOUR_MS
_LOOK_EACH_S = 60.0
REMEDIES = {
    BEHIND: "look for parked, waiting and lag of this shard; kinesis-fleet leases says who holds it. If the stream "
    "does not list it, it was made anew under its name",
    NOT_BEGUN: "kinesis-fleet leases says whether it has a lease, and who holds it; a child begins after its parents",
    NO_CHILDREN: "none for some minutes after a reshard. Later: the stream has read on beyond what its mark calls its "
    "end, so that it was made anew under its name",
}
"""The remedy for each reason why an hour waits for a shard."""


class Said(msgspec.Struct, frozen=True, rename="camel"):
    """The last report: the hour that waits, the shard and the reason, and the time by the store's clock."""

    hour_ms: int
    shard: str
    why: str
    said_ms: int


def said_key(application: str, stream: str) -> str:
    """Return the key of the last report."""
    return f"{STATE_PREFIX}/{application}/waits/{stream}.json"


class Overdue:
    """Watches one stream's next hour, for one process."""

    def __init__(self, store: ObjectStore, place: HoursPlace, clock: Callable[[], float], log: Log) -> None:
        """Start without a look at the store. `clock` returns monotonic seconds."""
        self._store = store
        self._place = place
        self._clock = clock
        self._log = log
        self._key = said_key(place.application, place.layout.stream)
        self._look_at = 0.0

    def look(self, blocker: Blocker | None, next_ms: int | None, mark: Mark) -> None:
        """Report the wait of the next hour if it is long. `mark` is that of a shard that has begun.

        Raises:
            Unavailable: the store did not answer. Call again later.

        """
        hour_ms = mark.began_ms if next_ms is None else next_ms
        waits_ms = self._store.now_ms() - (hour_ms + HOUR_MS + self._place.grace_ms)
        METER.hour_waits(waits_ms / 1000, self._clock())
        if blocker is None or waits_ms < LONG_MS or self._clock() < self._look_at:
            return
        self._look_at = self._clock() + _LOOK_EACH_S
        if self._is_mine_to_say(Said(hour_ms, blocker.shard, blocker.why, self._store.now_ms())):
            say = self._log.warning if waits_ms < _ALARM_MS else self._log.error
            say(
                "hour_waits",
                hour=hour_text(hour_ms),
                waits_for=blocker.shard,
                reason=f"it waits since {moment_text(hour_ms + HOUR_MS)} for {blocker.shard}: {blocker.why}",
                remedy=REMEDIES[blocker.why],
                waited_s=waits_ms // 1000,
            )

    def _is_mine_to_say(self, mine: Said) -> bool:
        found = self._store.find(self._key)
        said = decoded(found.body, Said, self._key, "delete it: it is made anew") if found else None
        if said and mine.said_ms < said.said_ms + LONG_MS and (said.hour_ms, said.why) == (mine.hour_ms, mine.why):
            return False
        return self._store.swap(self._key, msgspec.json.encode(mine), found.version if found else None) is not None
