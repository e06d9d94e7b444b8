"""Observes an application until it is as it should be, or for as long as a reliable result takes."""

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
_LAG_APART_S = 5.0  # between two reads of the lags: all consumers of a shard share five reads a second

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demand:
    """What is required: a worker that has a lease, a lag of at most `most_lag_s`, within `wait_s` seconds."""

    worker: str | None
    most_lag_s: float
    wait_s: float


def looked(settings: Settings, clients: tuple[Any, Any], demand: Demand, say: Say) -> tuple[list[Held], list[str]]:
    """Return each shard's standing and all problems: at the first look without a problem, or at the last one.

    If nothing is to be waited for, it ends once each owner has renewed its lease. If one does not renew, it observes
    for as long as a lease takes to expire: only then is it known that the owner has stopped. `say` is called with the
    problem that it waits for.

    Raises:
        botocore.exceptions.ClientError: AWS refused a call.

    """
    kinesis, dynamodb = clients
    failover, pulse, lags = failover_s(settings.kcl), Pulse(), Lags(settings, kinesis, time.sleep)
    until = time.monotonic() + max(demand.wait_s, failover)
    known: dict[str, Lag] | None = None
    next_lag = float("-inf")
    while True:
        leases = held(settings, dynamodb)  # before the shards: a shard that appears in between has no lease
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
            known = lags.of(rows)  # this may take a while, so everything is read once more
            next_lag = time.monotonic() + _LAG_APART_S
            continue
        known = None
        if wrong:
            say(_waiting(wrong))
        time.sleep(_LOOK_S)


def _waiting(wrong: Sequence[str]) -> str:
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"waiting: {wrong[0]}{more}"
