"""Looks at an application until it is as it should be, or for as long as one look needs to be true."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.config.settings import Settings
from consumers.kcl.holding import Held, held
from consumers.kcl.lag import Lag
from consumers.kcl.lags import Lags
from consumers.kcl.pulse import Pulse, failover_s
from consumers.kcl.standing import judged, problems, with_lags
from consumers.stream import listed, request_of

_LOOK_S = 1.0
_LAG_APART_S = 5.0  # all consumers of a shard share five reads a second

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demand:
    """What is insisted on: a worker that has a lease, no more lag than this, within so long."""

    worker: str | None
    most_lag_s: float
    wait_s: float


def looked(settings: Settings, clients: tuple[Any, Any], demand: Demand, say: Say) -> tuple[list[Held], list[str]]:
    """Give each shard's standing, and what is wrong: at the first look at which nothing is, or at the last one.

    Where nothing is waited for it ends once each owner has renewed its lease. Where one does not, it always looks for
    as long as a lease takes to expire: only then is it known that its owner has stopped. `say` gets what it waits for.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call.

    """
    kinesis, dynamodb = clients
    failover, pulse, lags = failover_s(settings.kcl), Pulse(), Lags(settings, kinesis, time.sleep)
    until = time.monotonic() + max(demand.wait_s, failover)
    known: dict[str, Lag] | None = None
    next_lag = float("-inf")
    while True:
        leases = held(settings, dynamodb)  # before the shards: what these show anew has no lease
        shards = listed(kinesis, request_of(settings))
        now = time.monotonic()
        pulse.look(leases, now)
        rows = judged(leases, shards, pulse, now, failover)
        rows = rows if known is None else with_lags(rows, known, demand.most_lag_s)
        wrong = problems(rows, demand.worker)
        last = now >= until or not (demand.wait_s or pulse.silent(rows, now - failover))
        if known is not None and (last or not wrong):
            return rows, wrong
        if known is None and (last or (not wrong and now >= next_lag)):
            known = lags.of(rows)  # which may take a while: then all is looked at once more
            next_lag = time.monotonic() + _LAG_APART_S
            continue
        known = None
        if wrong:
            say(_waiting(wrong))
        time.sleep(_LOOK_S)


def _waiting(wrong: Sequence[str]) -> str:
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"waiting: {wrong[0]}{more}"
