"""The operator's word that a run of rejected records may pass into the dead letters, for a while."""

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore, Rounds
from consumers.hours.stored import decoded
from consumers.records import HOUR_MS
from consumers.waiting import Unavailable

LONGEST_MS = 24 * HOUR_MS
_CLOCKS_MS = 60_000  # the store's clock is known to the second, and may lag by an answer
_REMEDY = "delete it, or say again: kinesis-fleet dead-letters let-through"


class LetThrough(msgspec.Struct, frozen=True, rename="camel"):
    """Until when, in UTC milliseconds by the store's clock; and whether also what the destination fails on."""

    until_ms: int
    stuck: bool = False


class Permit:
    """One application's permit: an object in the bucket of its dead letters, so that it holds for every shard."""

    def __init__(self, store: ObjectStore, application: str) -> None:
        """Say where it lies."""
        self._store = store
        self._key = f"{STATE_PREFIX}/{application}/let-through.json"

    def allowed(self, *, stuck: bool = False) -> bool:
        """Ask the bucket, with its clock: the host's is not trusted. `stuck`: for what the destination fails on.

        Raises:
            Unavailable: it did not answer, or the permit is damaged.

        """
        standing = self._store.find(self._key)
        if standing is None:
            return False
        permit = decoded(standing.body, LetThrough, self._key, _REMEDY)
        if stuck and not permit.stuck:
            return False
        until_ms = permit.until_ms
        now_ms = self._store.now_ms()
        return 0 < now_ms < until_ms <= now_ms + LONGEST_MS + _CLOCKS_MS  # a permit without an end is no permit

    def grant(self, for_ms: int, *, stuck: bool = False) -> int:
        """Let everything through for a time, 0 ends it; until when, in UTC milliseconds. A former permit is replaced.

        Raises:
            ValueError: it is longer than a day, or negative.

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
