"""Pauses a stream that is rejected as a whole: a wrong template is one mistake, not a million dead letters. Pure."""

from collections import deque
from typing import NamedTuple


class Settled(NamedTuple):
    """A number of settled records, and how many of them were rejected."""

    records: int
    rejected: int


class Breaker:
    """Judges a shard's batches by those settled last. A restart forgets these, and gathers evidence anew."""

    def __init__(self, sample: int = 1000, share: float = 0.5) -> None:
        """Start without evidence.

        `sample` is how many records count as evidence. `share` is the largest share of them that may be rejected.

        Raises:
            ValueError: the sample is less than 1, or the share is not at least 0 and below 1.

        """
        if sample < 1 or not 0 <= share < 1:
            message = f"a sample of {sample} and a share of {share} judge nothing"
            raise ValueError(message)
        self._sample = sample
        self._share = share
        self._recent: deque[Settled] = deque()
        self._records = 0
        self._rejected = 0

    @property
    def state(self) -> Settled:
        """The settled records with which the next batch is judged."""
        return Settled(self._records, self._rejected)

    def refuses(self, records: int, rejected: int) -> bool:
        """Return whether more than the share of the last records would be rejected. It changes nothing.

        The last records are this batch, and as few batches before it as make up the sample. So a stream that turns bad
        at once loses less than a sample, and a long run of good records does not hide it. Fewer records than the sample
        are no evidence.
        """
        total = _checked(records, rejected)
        for before in reversed(self._recent):
            if total.records >= self._sample:
                break
            total = Settled(total.records + before.records, total.rejected + before.rejected)
        return total.records >= self._sample and total.rejected > self._share * total.records

    def note(self, records: int, rejected: int) -> None:
        """Note a settled batch: its records are delivered, or are in the dead letters."""
        batch = _checked(records, rejected)
        if not records:
            return
        self._recent.append(batch)
        self._records += records
        self._rejected += rejected
        while self._records - self._recent[0].records >= self._sample:
            gone = self._recent.popleft()
            self._records -= gone.records
            self._rejected -= gone.rejected


def _checked(records: int, rejected: int) -> Settled:
    if not 0 <= rejected <= records:
        message = f"{rejected} of {records} records cannot be rejected"
        raise ValueError(message)
    return Settled(records, rejected)
