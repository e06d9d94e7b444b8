"""Stops a stream that is rejected as a whole: a wrong template is one mistake, not a million dead letters. Pure."""

from collections import deque
from typing import NamedTuple


class Settled(NamedTuple):
    """Records that were settled, and how many of them were rejected."""

    records: int
    rejected: int


class Breaker:
    """Judges a shard's batches by those settled last. A restart forgets them, and gathers evidence anew."""

    def __init__(self, sample: int = 1000, share: float = 0.5) -> None:
        """Say how many records are evidence, and which share of them may be rejected at the most.

        Raises:
            ValueError: the sample is none, or the share is not within 0 to 1.

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
        """What the next batch is judged with."""
        return Settled(self._records, self._rejected)

    def refuses(self, records: int, rejected: int) -> bool:
        """Whether this batch would leave more than the share of the last records rejected. It changes nothing.

        The last records are this batch, and as few batches before it as make up the sample: so less than a sample is
        lost to a stream that turns bad at once, and an old run of good records does not hide it. Fewer than the sample
        are no evidence.
        """
        total = _checked(records, rejected)
        for before in reversed(self._recent):
            if total.records >= self._sample:
                break
            total = Settled(total.records + before.records, total.rejected + before.rejected)
        return total.records >= self._sample and total.rejected > self._share * total.records

    def note(self, records: int, rejected: int) -> None:
        """Take note of a batch that is settled: delivered, or in the dead letters."""
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
