"""What becomes of a batch's rejected records: their letters, or a pause where too many are rejected. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from consumers.documents.document import Rejected
from consumers.letters.letter import Letter, LetterHead, letter_of
from consumers.records import Record
from consumers.waiting import Unavailable

Dead = Sequence[tuple[Record, Rejected]]


class Permit(Protocol):
    """An operator's permission to reject records."""

    def allowed(self, *, stuck: bool = False) -> bool:
        """Return whether any number of records may be rejected; with `stuck`, also those that a destination fails on.

        Raises:
            Unavailable: ask again.

        """
        ...


def letters_of(head: LetterHead, dead: Dead) -> list[Letter]:
    """Make the dead letters of rejected records."""
    return [letter_of(head, record, rejected.reason, rejected.detail) for record, rejected in dead]


def paused(records: int, dead: Dead, *, of: str, remedy: str) -> Unavailable:
    """Make the fault of a batch of so many records that waits for an operator.

    `of` is the destination's word for a batch, and `remedy` says what to mend where it refuses records.
    """
    reasons = Counter(rejected.reason for _, rejected in dead).most_common(3)
    said = ", ".join(f"{reason} {count}" for reason, count in reasons)
    return Unavailable(
        f"paused: too many records are rejected, of this {of} {len(dead)} of {records} ({said})",
        f"{remedy} kinesis-fleet dead-letters let-through --for 1h FILE",
        operator=True,
    )
