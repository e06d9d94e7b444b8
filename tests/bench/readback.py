"""What was stored, held against what was streamed."""

import gzip
from collections import Counter
from dataclasses import dataclass

from tests.bench.services import BUCKET, Replay, Volume

_SHARD_PREFIX = "4966"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the stored records differ from those of the stream."""

    lost: int
    duplicated: int
    altered: int
    objects: int
    stored_bytes: int

    @property
    def wrong(self) -> int:
        """How many records are not there exactly once as they were put."""
        return self.lost + self.duplicated + self.altered


def by_position(endpoint: Replay, prefix: str, events: list[bytes], volume: Volume) -> Verdict:
    """Check our archive with our own reader: each position once, each with its own bytes."""
    from consumers.objects.reader import fetch

    store = _Store(endpoint)
    seen = [bytearray(volume.records_per_shard) for _ in range(volume.shards)]
    altered = duplicated = 0
    stored = _stored(endpoint, prefix)
    for key in stored:
        if key.rpartition("/")[2].startswith("_") or ".lines" not in key:
            continue
        for record in fetch(store, key):
            shard, index = _place(record.sequence_number)
            duplicated += seen[shard][index]
            seen[shard][index] = 1
            altered += record.data != events[index % len(events)]
    lost = sum(marks.count(0) for marks in seen)
    return Verdict(lost, duplicated, altered, len(stored), sum(stored.values()))


def by_count(endpoint: Replay, prefix: str, events: list[bytes], volume: Volume) -> Verdict:
    """Check gzip objects of lines, which hold no positions: each event as often as it was streamed."""
    stored = _stored(endpoint, prefix)
    found: Counter[bytes] = Counter()
    for key in stored:
        found.update(gzip.decompress(endpoint.get(f"{BUCKET}/{key}")).splitlines())
    whole, rest = divmod(volume.records_per_shard, len(events))
    due = Counter(dict.fromkeys(events, 0))
    for index, event in enumerate(events):
        due[event] += (whole + (index < rest)) * volume.shards
    lost = sum((due - found).values())
    surplus = found - due
    altered = sum(count for event, count in surplus.items() if event not in due)
    return Verdict(lost, sum(surplus.values()) - altered, altered, len(stored), sum(stored.values()))


class _Store:
    """The replay server as our reader wants a store."""

    def __init__(self, endpoint: Replay) -> None:
        self._endpoint = endpoint

    def get(self, key: str) -> bytes:
        return self._endpoint.get(f"{BUCKET}/{key}")


def _stored(endpoint: Replay, prefix: str) -> dict[str, int]:
    start = f"{BUCKET}/{prefix}"
    return {
        entry["path"].removeprefix(f"{BUCKET}/"): entry["bytes"]
        for entry in endpoint.objects()
        if entry["path"].startswith(start)
    }


def _place(sequence_number: str) -> tuple[int, int]:
    digits = sequence_number.removeprefix(_SHARD_PREFIX)
    return int(digits[:2]), int(digits[2:]) - 1
