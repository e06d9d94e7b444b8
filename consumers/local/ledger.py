"""The records that were put, in enough detail to verify that a destination holds each once and unchanged."""

import hashlib
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Self

import msgspec

from consumers.local.simulator import Kind


class Entry(msgspec.Struct, frozen=True, order=True):
    """One acknowledged record. Entries are ordered by their place in the stream."""

    shard: str
    sequence: int
    sha256: str
    length: int
    partition_key: str | None
    kind: Kind = Kind.EVENT


def sha256_of(data: bytes) -> str:
    """Return the digest by which the ledger and the audit compare payloads."""
    return hashlib.sha256(data).hexdigest()


class Ledger:
    """All entries of a run, in the order of each shard."""

    def __init__(self) -> None:
        """Begin with an empty ledger."""
        self._shards: defaultdict[str, list[Entry]] = defaultdict(list)
        self.unsure: Counter[str] = Counter()
        """Digests of records whose PutRecords had no answer: the stream may hold them once more
        than the ledger says."""
        self.put = 0
        self.put_bytes = 0

    def add(self, entry: Entry) -> None:
        """Add an acknowledged record."""
        insort(self._shards[entry.shard], entry)
        self.put += 1
        self.put_bytes += entry.length

    def doubt(self, digests: Iterable[str]) -> None:
        """Add the digests of records that were sent with unknown outcome."""
        self.unsure.update(digests)

    def __iter__(self) -> Iterator[Entry]:
        """Yield all entries, shard by shard."""
        for shard in sorted(self._shards):
            yield from self._shards[shard]

    def newest(self) -> dict[str, int]:
        """Return the highest sequence number of each shard that has a record."""
        return {shard: entries[-1].sequence for shard, entries in self._shards.items()}

    def passed(self, shard: str, sequence: int) -> int:
        """Count the records of ``shard`` at or before ``sequence``."""
        return bisect_right(self._shards.get(shard, []), sequence, key=attrgetter("sequence"))

    def save(self, path: Path) -> None:
        """Write one line of JSON for each entry. Sequence numbers are text, since they exceed 64 bits."""
        with path.open("wb") as lines:
            for entry in self:
                row = msgspec.structs.asdict(entry) | {"sequence": str(entry.sequence)}
                lines.write(msgspec.json.encode(row) + b"\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that ``save`` wrote.

        Raises:
            ValueError: the file is not a ledger.
        """
        ledger = cls()
        for line in path.read_bytes().splitlines():
            row = msgspec.json.decode(line, type=dict[str, str | int | None])
            ledger.add(msgspec.convert(row, Entry, strict=False))
        return ledger
