"""What one lease knows of a shard's hours: where it keeps them, and what it has read and found since it began."""

from dataclasses import dataclass, field

from consumers.hours.hours import Hours
from consumers.hours.joints import Broken
from consumers.hours.mark import Mark
from consumers.hours.overdue import Overdue
from consumers.hours.place import HoursPlace
from consumers.hours.reading import Gap, Horizon, Reading
from consumers.hours.revisions import Manifests
from consumers.hours.seals import Sealer


@dataclass(frozen=True, slots=True)
class WatchPlace:
    """What a shard's process keeps, how the stream is read, and the name of the writer.

    The watermark is written at most once in `interval_s`, and when it passes an hour.
    """

    hours: HoursPlace
    horizon: Horizon
    writer: str
    interval_s: float


@dataclass(slots=True)
class Known:
    """The state that was read when the lease began, and its changes since. `unsaid`: the stored mark lacks a gap.

    `broken` are the breaks that sealing has found. `sealed` are hours whose seals stand, which the stored mark does not
    say yet.
    """

    reading: Reading
    sealer: Sealer
    manifests: Manifests
    hours: Hours
    mark: Mark | None
    version: str | None
    overdue: Overdue
    unsaid: bool = False
    aside: tuple[Gap, ...] = ()
    broken: dict[Broken, None] = field(default_factory=dict)
    sealed: set[int] = field(default_factory=set)
