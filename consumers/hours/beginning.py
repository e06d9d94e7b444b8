"""Compares where a lease begins with what stands: whether records lie between the two that no process will read."""

from typing import NamedTuple

from consumers.hours.joints import Broken
from consumers.hours.mark import Mark
from consumers.hours.reading import CHECKPOINT, REPLACED, START_MARGIN_MS, TRIM_HORIZON, Doubt, Gap
from consumers.hours.seals import Sealer
from consumers.hours.times import hour_of, moment_text
from consumers.parts import Start
from consumers.records import HOUR_MS
from consumers.waiting import Log

_LOOK_BACK_MS = 24 * HOUR_MS  # records that came late lie in the folders of earlier hours
_MOST_LOOK_BACK_MS = 7 * 24 * HOUR_MS  # where no mark says how far the chain was known to reach
_SKIPPED = (
    "while the stream still has them: stop the workers, set the checkpoint back to before from_ms, and start; they are "
    "archived then, and the hours still say _INCOMPLETE. Find out who sets checkpoints forward"
)
_REPLACED = (
    "if the stream was made anew under its name, begin anew as docs/operations.md says; if its retention was "
    "shortened, let retentionHours follow"
)
_LOST = "none brings them back; the hours say _INCOMPLETE. Alarm on lag at half of the retention"


class Beginning(NamedTuple):
    """The result of the comparison.

    `doubt` is the reason why records may lie between what stands and the place where reading begins. `gone` is the
    object that is missing from what stood.
    """

    doubt: Doubt | None = None
    gone: Broken | None = None


def begin(start: Start, mark: Mark | None, sealer: Sealer, now_ms: int, retention_ms: int) -> Beginning:
    """Compare where reading begins with how far the chain is known to reach, which the mark holds.

    A checkpoint beyond that is the end of an object that was stored later, or else it was set forward. A start at the
    stream's oldest record must deliver again what the chain holds, as long as that has not expired.
    """
    checkpoint, tail = start.checkpoint, mark.tail if mark else None
    sealer.joints.begin(mark, checkpoint)
    if checkpoint is None:
        oldest_ms = now_ms - retention_ms + START_MARGIN_MS
        kept = tail is not None and tail.arrival_ms > oldest_ms and start.initial == TRIM_HORIZON
        doubt = Doubt(REPLACED, tail.position, tail.arrival_ms) if tail and kept else None
        again = start.initial == TRIM_HORIZON  # what is gone is then delivered again, unless it has expired
        return Beginning(doubt, None if again or not (mark and tail) else sealer.lacks(tail, mark.sealed_to_ms))
    if tail and checkpoint < tail.position:
        return Beginning()  # what lies between is delivered again
    gone = sealer.lacks(tail, mark.sealed_to_ms) if mark and tail else None
    if mark and tail and checkpoint == tail.position:
        if gone or tail.hour_ms < mark.sealed_to_ms:
            sealer.joints.trust(checkpoint)
        return Beginning(gone=gone)
    since_ms = mark.watermark_ms - _LOOK_BACK_MS if mark else now_ms - _MOST_LOOK_BACK_MS
    found = sealer.find(checkpoint, range(hour_of(now_ms) + HOUR_MS, hour_of(since_ms) - 1, -HOUR_MS))
    if found:
        return Beginning(gone=gone)
    if found is None and mark is not None and mark.anchor is None:  # a former version's mark, of a shard quiet for long
        sealer.joints.trust(checkpoint)
        return Beginning(gone=gone)
    return Beginning(Doubt(CHECKPOINT), gone)


def say_broken(log: Log, broken: Broken) -> None:
    """Log that an object is missing, as an alarm."""
    when = f"from {moment_text(broken.gap.from_ms)} to {moment_text(broken.gap.to_ms)}"
    log.error(
        "chain_broken",
        key=broken.key,
        reason=f"{broken.why}: records that arrived {when} are missing",
        remedy="restore the object that is missing, or, while the stream still has its records, set the checkpoint "
        "back to before it; hours that were not complete yet say _INCOMPLETE. Find out who deletes",
    )


def say_gap(log: Log, gap: Gap) -> None:
    """Log that records may be missing, as an alarm."""
    when = f"from {moment_text(gap.from_ms)} to {moment_text(gap.to_ms)}"
    fields = {
        "reason": f"records that arrived {when} may have been missed: {gap.reason}",
        "from_ms": gap.from_ms,
        "to_ms": gap.to_ms,
    }
    if gap.reason == CHECKPOINT:
        log.error("records_skipped", remedy=_SKIPPED, **fields)
    elif gap.reason == REPLACED:
        log.error("stream_replaced", remedy=_REPLACED, **fields)
    else:
        log.error("retention_gap", remedy=_LOST, **fields)
