"""How far audits have come, so that each hour is in some audit, and each cut between two is compared.

It is kept in the bucket: any host may run the next one, and nights may be missed.
"""

from collections.abc import Mapping

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.place import HoursPlace
from consumers.hours.stored import decoded
from consumers.records import HOUR_MS, Position

_DAY_MS = 24 * HOUR_MS


class Audited(msgspec.Struct, frozen=True, rename="camel"):
    """The first hour that no audit has looked at, and where each shard's objects of the hours before it end."""

    next_ms: int
    ends: Mapping[str, str]


def audited_key(application: str, stream: str) -> str:
    """Name it."""
    return f"{STATE_PREFIX}/{application}/audits/{stream}.json"


class Progress:
    """One archive's."""

    def __init__(self, store: ObjectStore, place: HoursPlace) -> None:
        """Read how far it is.

        Raises:
            Unavailable: the bucket does not answer.

        """
        self._store = store
        self._key = audited_key(place.application, place.layout.stream)
        found = store.find(self._key)
        self._version = found.version if found else None
        self._standing = decoded(found.body, Audited, self._key, "delete it: it is made anew") if found else None

    def hours_until(self, end_ms: int, begin_ms: int) -> tuple[int, int]:
        """Give the hours of an audit up to an hour that is not decided: a day, and all that no audit has looked at.

        Both by their first millisecond, and included. `begin_ms` is the first hour that was ever decided.
        """
        return min(end_ms - _DAY_MS, self._standing.next_ms if self._standing else begin_ms), end_ms - HOUR_MS

    def ends_at(self, first_ms: int) -> dict[str, Position]:
        """Say where each shard's objects ended before an hour; nothing if audits have not reached just that one."""
        if self._standing is None or self._standing.next_ms != first_ms:
            return {}
        return {shard: Position.parse(end) for shard, end in self._standing.ends.items()}

    def note(self, first_ms: int, last_ms: int, ends: Mapping[str, Position], begin_ms: int) -> None:
        """Take note that these hours were audited, if that leaves none out. Who noted something meanwhile is right.

        `begin_ms` is the first hour that was ever decided.

        Raises:
            Unavailable: the bucket does not accept it.

        """
        standing, next_ms = self._standing, last_ms + HOUR_MS
        reached_ms = standing.next_ms if standing else begin_ms
        if not first_ms <= reached_ms < next_ms:
            return
        known = {**(standing.ends if standing else {}), **{shard: str(end) for shard, end in ends.items()}}
        self._store.swap(self._key, msgspec.json.encode(Audited(next_ms, known)), self._version)
