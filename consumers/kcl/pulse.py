"""Detects whether the owners of leases live: a lease keeps its owner's name after the owner has stopped. Pure.

An owner renews each of its leases, which increases the row's counter, every third of `failoverTimeMillis` (less 25 ms).
A lease that was not renewed for all of that time is expired for every worker. When a row gets another owner, the worker
that writes it increases the counter: that is no sign of the new owner. Source: `DynamoDBLeaseCoordinator` and
`LeaseAssignmentManager` of KCL 3.1.3.
"""

from collections.abc import Mapping, Sequence

from consumers.kcl.holding import Held

_DEFAULT_FAILOVER_MS = "10000"


def failover_s(kcl: Mapping[str, str]) -> float:
    """Return the time in seconds after which a lease that is not renewed has expired."""
    return int(kcl.get("failoverTimeMillis", _DEFAULT_FAILOVER_MS)) / 1000


class Pulse:
    """The times at which each lease was last seen to be renewed by its present owner, in monotonic seconds."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._seen: dict[str, tuple[str | None, int]] = {}
        self._renewed: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def look(self, leases: Sequence[Held], now_s: float) -> None:
        """Compare the leases with those of the look before. `now_s` is in monotonic seconds."""
        for one in leases:
            owner, renewals = self._seen.get(one.shard, (None, -1))
            if owner != one.owner:
                self._renewed.pop(one.shard, None)
                self._since[one.shard] = now_s
            elif renewals != one.renewals:
                self._renewed[one.shard] = now_s
            self._seen[one.shard] = (one.owner, one.renewals)

    def silent(self, leases: Sequence[Held], since_s: float) -> list[Held]:
        """List the open leases with an owner that was not seen to renew them since `since_s`."""
        return [
            one
            for one in leases
            if one.owner and not one.ended and self._renewed.get(one.shard, float("-inf")) < since_s
        ]

    def quiet_s(self, shard: str, now_s: float) -> float:
        """Return for how many seconds a lease's owner was not seen to renew it."""
        return now_s - self._renewed.get(shard, self._since.get(shard, now_s))
