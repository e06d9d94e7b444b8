"""Whether the owners of leases live: a lease keeps its owner's name when that has stopped. Pure.

An owner renews each of its leases, and so counts its row up, every third of `failoverTimeMillis` (less 25 ms); a lease
that was not renewed for all of that time is taken for expired by every worker. A row that another worker was written
into was counted up by who wrote it: that is no sign of the new owner. Source: `DynamoDBLeaseCoordinator` and
`LeaseAssignmentManager` of KCL 3.1.3.
"""

from collections.abc import Mapping, Sequence

from consumers.kcl.holding import Held

_DEFAULT_FAILOVER_MS = "10000"


def failover_s(kcl: Mapping[str, str]) -> float:
    """Give the time after which a lease that nobody renews has expired."""
    return int(kcl.get("failoverTimeMillis", _DEFAULT_FAILOVER_MS)) / 1000


class Pulse:
    """Remembers when each lease was last seen to be renewed by the owner that it has. Monotonic seconds are given."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._seen: dict[str, tuple[str | None, int]] = {}
        self._renewed: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def look(self, leases: Sequence[Held], now_s: float) -> None:
        """Compare the leases with those of the look before."""
        for one in leases:
            owner, renewals = self._seen.get(one.shard, (None, -1))
            if owner != one.owner:
                self._renewed.pop(one.shard, None)
                self._since[one.shard] = now_s
            elif renewals != one.renewals:
                self._renewed[one.shard] = now_s
            self._seen[one.shard] = (one.owner, one.renewals)

    def silent(self, leases: Sequence[Held], since_s: float) -> list[Held]:
        """List the open leases that have an owner which was not seen to renew them since then."""
        return [
            one
            for one in leases
            if one.owner and not one.ended and self._renewed.get(one.shard, float("-inf")) < since_s
        ]

    def quiet_s(self, shard: str, now_s: float) -> float:
        """Give how long the owner that a lease has was not seen to renew it."""
        return now_s - self._renewed.get(shard, self._since.get(shard, now_s))
