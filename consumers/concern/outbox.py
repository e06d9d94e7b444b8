"""A batch of records on its way to a destination, with the outcome of each record."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from consumers.documents.document import Rejected
from consumers.records import Position, Record, position_of

Made = TypeVar("Made")


class Item(msgspec.Struct, Generic[Made], eq=False, gc=False):
    """One record, and what `prepare` made of it: None if it was rejected."""

    record: Record
    made: Made
    delivered: bool = False
    rejected: Rejected | None = None
    unfit: bool = False


class Outbox(Generic[Made]):
    """A contiguous run of one shard's records. It is offered until nothing is pending; settled items stay settled."""

    def __init__(self, shard: str, items: Sequence[Item[Made]]) -> None:
        """Begin with the results of `prepare`, in the order of the records."""
        self.shard = shard
        self._items = items

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._items)

    @property
    def last(self) -> Position:
        """The position of the last record."""
        return self._items[-1].record.position

    def after(self, position: Position) -> Sequence[Record]:
        """Return the records after a position."""
        records = [item.record for item in self._items]
        return records[bisect_right(records, position, key=position_of) :]

    @property
    def pending(self) -> list[Item[Made]]:
        """The items to deliver, in the order of the shard."""
        return [item for item in self._items if not item.delivered and item.rejected is None]

    def done(self, *items: Item[Made]) -> None:
        """Record that the destination holds these items durably."""
        for item in items:
            item.delivered = True

    def reject(self, item: Item[Made], reason: str, detail: str = "") -> None:
        """Record that the destination refuses this record because of its content: it becomes a dead letter.

        `reason` is one word, to filter by; `detail` is for people.
        """
        item.rejected = Rejected(reason, detail)

    @property
    def rejected(self) -> list[tuple[Record, Rejected]]:
        """The records that become dead letters, in the order of the shard."""
        return [(item.record, item.rejected) for item in self._items if item.rejected is not None]

    def reconsider(self) -> None:
        """Make items pending again that the destination refused: the cause may be gone. Unfit ones stay rejected."""
        for item in self._items:
            if not item.unfit:
                item.rejected = None
