"""Tells a delivery that comes again from one that was left out before."""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from operator import itemgetter

from consumers.records import Position, Record

_REMEMBERED = 256


class OutOfOrder(Exception):
    """A record comes that later ones have overtaken: what was taken for whole has a hole.

    KCL reads anew from the last batch that was accepted when a subscription fails, so that records come again. It is
    not meant to leave any out, and a consumer cannot see a hole in sequence numbers. Source: `restartFrom` of KCL's
    `PrefetchRecordsPublisher`, whose queue and subscriber are changed by several threads.
    """


class Deliveries:
    """Remembers the latest deliveries of a shard by their first and last positions, which grow."""

    def __init__(self) -> None:
        """Begin before the first delivery."""
        self._taken: deque[tuple[Position, Position]] = deque(maxlen=_REMEMBERED)

    def take(self, records: Sequence[Record]) -> None:
        """Take note of records that are new."""
        self._taken.append((records[0].position, records[-1].position))

    def insist(self, again: Sequence[Record]) -> None:
        """Insist that each record has been delivered, as far back as is remembered.

        Raises:
            OutOfOrder: one has not.

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
