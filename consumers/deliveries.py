"""Check that a record which comes again was delivered before."""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from operator import itemgetter

from consumers.records import Position, Record

_REMEMBERED = 256


class OutOfOrder(Exception):
    """A record comes after later ones and was never delivered: what was taken for gapless has a gap.

    KCL reads anew from the last accepted batch when a subscription fails, so records come again. It is not meant to
    leave any out, and a consumer cannot see a gap in sequence numbers. Source: `restartFrom` of KCL's
    `PrefetchRecordsPublisher`, whose queue and subscriber are changed by several threads.
    """


class Deliveries:
    """The latest deliveries of a shard, each as its first and last position, in growing order."""

    def __init__(self) -> None:
        """Start empty."""
        self._taken: deque[tuple[Position, Position]] = deque(maxlen=_REMEMBERED)

    def take(self, records: Sequence[Record]) -> None:
        """Store the range of a run of new records."""
        self._taken.append((records[0].position, records[-1].position))

    def insist(self, again: Sequence[Record]) -> None:
        """Check that each record has been delivered before, as far back as deliveries are stored.

        Raises:
            OutOfOrder: a record has not been delivered.

        """
        taken = list(self._taken)
        for record in again:
            index = bisect_right(taken, record.position, key=itemgetter(0))
            if index and record.position > taken[index - 1][1]:
                message = (
                    f"the daemon delivers {record.position} after {taken[-1][1]}, and has not delivered it before: "
                    f"records between {taken[index - 1][1]} and {taken[index][0]} were left out"
                )
                raise OutOfOrder(message)
