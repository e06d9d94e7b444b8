"""Stores the elements of a delivery that are no records, whole and durably before anything behind them is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from consumers.envelope import Unreadable
from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter, LetterHead, letter_of_unreadable
from consumers.letters.rejecting import Permit
from consumers.records import Position
from consumers.sequence import PUT_TO_ARRIVAL_MS, put_ms
from consumers.waiting import Log, Unavailable

_START = Position(0, 0)  # before any record: an element that comes before a shard's first record stands behind it
_MOST_SAID = 10


class Letters(Protocol):
    """The store of the letters."""

    def keep(self, letters: Sequence[Letter]) -> list[str]:
        """Store the letters durably, and return their keys. Raises `Unavailable` to be tried again."""
        ...


Note = Callable[[int | None, int | None], None]
"""Notes that a record of this range of arrival times was set aside; None where an end of the range is unknown."""


def _nobody(_from_ms: int | None, _to_ms: int | None) -> None:
    """Do nothing: what is set aside is accounted for elsewhere."""


@dataclass(slots=True)
class SetAside:
    """The unreadable elements of one shard. `checkpoint` is where the shard begins."""

    letters: Letters
    head: LetterHead
    permit: Permit
    log: Log
    checkpoint: Position | None
    note: Note = _nobody
    breaker: Breaker | None = None
    _last: Position = _START
    _behind: int = 0

    def take(self, unreadable: Sequence[Unreadable], records: int, delivered: Position | None) -> None:
        """Store the elements durably, unless they are too many. It may be repeated.

        An element that KCL delivers again is stored already if the record after it was delivered before.
        """
        breaker = self.breaker = self.breaker or Breaker()
        delivered = delivered or self.checkpoint
        new = [one for one in unreadable if not (one.behind and delivered and one.behind.position <= delivered)]
        if new and breaker.refuses(records + len(new), len(new)) and not self.permit.allowed():
            raise _paused(len(new), records, new[0].fault)
        if new:
            letters, last, behind = self._letters_of(new, delivered or _START)
            for one in new:
                self.note(*_arrived(one))
            self._say(new, letters, self.letters.keep(letters))
            self._last, self._behind = last, behind
        breaker.note(records + len(new), len(new))

    def _letters_of(self, new: Sequence[Unreadable], delivered: Position) -> tuple[list[Letter], Position, int]:
        letters = []
        last, behind, before = self._last, self._behind, None
        for one in new:
            after = one.before.position if one.before else delivered
            if not one.position:
                goes_on = after == last and one.before is before  # otherwise that record itself was delivered (again)
                last, behind, before = after, behind + 1 if goes_on else 1, one.before
            letters.append(letter_of_unreadable(self.head, one, after, behind))
        return letters, last, behind

    def _say(self, new: Sequence[Unreadable], letters: Sequence[Letter], keys: Sequence[str]) -> None:
        places = [f"behind {one.position}" if one.behind else str(one.position) for one in letters[:_MOST_SAID]]
        self.log.error(
            "record_set_aside",
            reason=f"what the daemon sent as a record cannot be read: {new[0].fault}",
            records=len(new),
            positions=places,
            kept=list(keys[:_MOST_SAID]),
            remedy="look at it: kinesis-fleet dead-letters show --reason envelope_invalid FILE; report it as a bug. "
            "All others go on",
        )


def _arrived(one: Unreadable) -> tuple[int | None, int | None]:
    """Return the range of times in which the element arrived, as far as it is known."""
    if one.arrival_ms is not None:
        return one.arrival_ms, one.arrival_ms + 1
    put = put_ms(one.position.sequence) if one.position else None
    if put is not None:
        return put, put + PUT_TO_ARRIVAL_MS
    return (one.before.arrival_ms if one.before else None), (one.behind.arrival_ms + 1 if one.behind else None)


def _paused(unreadable: int, records: int, fault: str) -> Unavailable:
    reason = (
        f"paused: too many records cannot be read, of this delivery {unreadable} of {unreadable + records}: {fault}"
    )
    remedy = (
        "does the daemon speak another protocol? Go back to the version before; or set them aside: "
        "kinesis-fleet dead-letters let-through --for 1h FILE"
    )
    return Unavailable(reason, remedy, operator=True)
