"""The progress of audits: each hour is in some audit, and each cut between two audits is compared.

It is stored in the bucket, so that any host may run the next audit, and a night may be missed.
"""

from collections.abc import Mapping

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.hours.place import HoursPlace
from consumers.hours.stored import decoded
from consumers.records import HOUR_MS, Position

_DAY_MS = 24 * HOUR_MS


class Audited(msgspec.Struct, frozen=True, rename="camel"):
    """The first hour that no audit has covered, and the end of each shard's objects before it."""

    next_ms: int
    ends: Mapping[str, str]


def audited_key(application: str, stream: str) -> str:
    """Return the key of the stored progress."""
    return f"{STATE_PREFIX}/{application}/audits/{stream}.json"


class Progress:
    """The audits' progress on one archive."""

    def __init__(self, store: ObjectStore, place: HoursPlace) -> None:
        """Read the stored progress.

        Raises:
            Unavailable: the bucket does not answer.
        """
        self._store = store
        self._key = audited_key(place.application, place.layout.stream)
        found = store.find(self._key)
        self._version = found.version if found else None
        self._standing = decoded(found.body, Audited, self._key, "delete it: it is made anew") if found else None

    def hours_until(self, end_ms: int, begin_ms: int) -> tuple[int, int]:
        """Return the hours to audit before an undecided hour: the last day, and all that no audit has covered.

        Both are included, by their first millisecond. `begin_ms` is the first hour that was ever decided.
        """
        return min(end_ms - _DAY_MS, self._standing.next_ms if self._standing else begin_ms), end_ms - HOUR_MS

    def ends_at(self, first_ms: int) -> dict[str, Position]:
        """Return where each shard's objects end before an hour; empty if audits have not reached exactly that hour."""
        if self._standing is None or self._standing.next_ms != first_ms:
            return {}
        return {shard: Position.parse(end) for shard, end in self._standing.ends.items()}

    def note(self, first_ms: int, last_ms: int, ends: Mapping[str, Position], begin_ms: int) -> None:
        """Store that these hours were audited, if that leaves none out. A concurrent update wins.

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
