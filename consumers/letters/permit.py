"""An operator's permit that rejected records may pass into the dead letters in any number, for a while."""

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore, Rounds
from consumers.hours.stored import decoded
from consumers.records import HOUR_MS
from consumers.waiting import Unavailable

LONGEST_MS = 24 * HOUR_MS
_CLOCKS_MS = 60_000  # the store's clock has a resolution of a second, and may lag by the time of an answer
_REMEDY = "delete it, or say again: kinesis-fleet dead-letters let-through"


class LetThrough(msgspec.Struct, frozen=True, rename="camel"):
    """A permit: its end in UTC milliseconds by the store's clock, and whether it covers failed documents too."""

    until_ms: int
    stuck: bool = False


class Permit:
    """The permit of one application: an object in the bucket of its dead letters, so that it holds for every shard."""

    def __init__(self, store: ObjectStore, application: str) -> None:
        """Set where the permit lies."""
        self._store = store
        self._key = f"{STATE_PREFIX}/{application}/let-through.json"

    def allowed(self, *, stuck: bool = False) -> bool:
        """Return whether the permit holds now, by the store's clock: the host's is not trusted.

        `stuck` asks for documents on which the destination fails.

        Raises:
            Unavailable: the store did not answer, or the permit is damaged.

        """
        standing = self._store.find(self._key)
        if standing is None:
            return False
        permit = decoded(standing.body, LetThrough, self._key, _REMEDY)
        if stuck and not permit.stuck:
            return False
        until_ms = permit.until_ms
        now_ms = self._store.now_ms()
        return 0 < now_ms < until_ms <= now_ms + LONGEST_MS + _CLOCKS_MS  # one that ends too late is not valid

    def grant(self, for_ms: int, *, stuck: bool = False) -> int:
        """Let everything through for `for_ms` milliseconds, and return the end in UTC milliseconds; 0 ends a permit.

        A former permit is replaced.

        Raises:
            ValueError: the time is negative, or longer than a day.
            Unavailable: the store did not answer, gives no time, or refused the change too often.

        """
        if not 0 <= for_ms <= LONGEST_MS:
            message = f"{for_ms} ms is not within 0 and a day"
            raise ValueError(message)
        rounds = Rounds(self._key)
        while True:
            rounds.another()
            standing = self._store.find(self._key)
            now_ms = self._store.now_ms()
            if not now_ms:
                reason = f"{self._key}: the bucket's answers hold no Date"
                raise Unavailable(reason, "give the dead letters an S3 service", operator=True)
            until_ms = now_ms + for_ms
            body = msgspec.json.encode(LetThrough(until_ms, stuck))
            if self._store.swap(self._key, body, standing.version if standing else None):
                return until_ms
