"""The standing of an application: each shard with its lease, its lag, and its problems. Pure."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from consumers.hours.lineage import StreamShard
from consumers.kcl.holding import Held
from consumers.kcl.lag import Lag
from consumers.kcl.pulse import Pulse
from consumers.kcl.unleased import gone, unleased

NEARLY_S = 300.0
"""The lag in seconds up to which a parent will soon be read to its end, so its child is waited for."""

NONE_AT_ALL = "there is no lease: kinesis-fleet prepare FILE"


def judged(
    leases: Sequence[Held], shards: Sequence[StreamShard], pulse: Pulse, now_s: float, failover_s: float
) -> list[Held]:
    """Return the leases, and the shards without one, with all problems except those of the lag.

    `pulse` has seen these leases.
    """
    checkpoints = {one.shard: one.checkpoint for one in leases}
    lost = set(gone(shards, checkpoints))
    silent = {one.shard for one in pulse.silent(leases, now_s - failover_s)}
    found = {one.shard: one for one in leases}
    for one in leases:
        if one.problem or one.ended:
            continue
        problem = ""
        if one.shard in lost:
            problem = "the stream has no such shard any more: what was unread of it has expired"
        elif not one.owner:
            problem = "nobody has its lease"
        elif one.shard in silent:
            quiet_s = pulse.quiet_s(one.shard, now_s)
            problem = f"{one.owner} has not renewed its lease for {quiet_s:.0f} s"
            problem += ": it has stopped, or hangs" if quiet_s >= failover_s else " yet"
        elif one.giver:
            problem = f"{one.giver} hands it over to {one.owner}, which does not read it yet"
        found[one.shard] = replace(one, problem=problem)
    for other in unleased(shards, checkpoints) if leases else ():
        row = found.get(other.shard) or Held(other.shard, "", "", 0)
        found[other.shard] = replace(row, problem="" if other.after else other.why, waits_for=other.after)
    return sorted(found.values(), key=lambda one: one.shard)


def with_lags(rows: Sequence[Held], lags: Mapping[str, Lag], most_lag_s: float) -> list[Held]:
    """Add the lags, and the problems that they show: too much lag, or a shard whose turn comes soon."""

    def lagging(one: Held) -> Held:
        lag = lags.get(one.shard)
        if one.waits_for:
            parent = lags.get(one.waits_for)
            far = parent is not None and (parent.seconds or 0) > NEARLY_S
            return one if far else replace(one, problem=f"it is not read yet: {one.waits_for} is read to its end first")
        if lag is None:
            return one
        problem = lag.problem
        if lag.seconds is not None and lag.seconds > most_lag_s:
            problem = f"{lag.seconds:,.0f} s behind"
            problem = (
                f"at most {problem}: no record was found in the part that was read so far" if lag.at_most else problem
            )
        known = None if lag.at_most and problem else lag.seconds
        return replace(one, lag_seconds=known, problem="; ".join(filter(None, (one.problem, problem))))

    return [lagging(one) for one in rows]


def problems(rows: Sequence[Held], worker: str | None = None) -> list[str]:
    """List all problems by shard; with a `worker`, also that it has no lease."""
    if not rows:
        return [NONE_AT_ALL]
    said = [f"{one.shard}: {one.problem}" for one in rows if one.problem]
    if worker is not None and not any(one.owner == worker and not one.ended for one in rows):
        said.append(f"{worker} has no lease")
    return said
