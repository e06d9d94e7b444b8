"""Compares what the archive holds with what was put, record by record and byte by byte."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.records import Record

# Enough to find the fault, not so many as to bury the screen.
_MAX_EXAMPLES = 10


class Verdict(msgspec.Struct, rename="camel"):
    """The outcome of an audit. Counts are of records; bytes are of payloads before compression."""

    put: int = 0
    archived: int = 0
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    unexpected: int = 0
    producer_repeats: int = 0
    """Records that stand in the stream a second time since a PutRecords gave no answer: the
    archive is right to hold them."""
    objects: int = 0
    archived_bytes: int = 0
    object_bytes: int = 0
    faults: list[str] = []
    """Up to ten places where the two differ; never a record's data."""

    @property
    def good(self) -> bool:
        """Whether every record put is there once, unaltered, and nothing else is."""
        return not (self.lost or self.duplicated or self.altered or self.unexpected)

    @property
    def compression_ratio(self) -> float:
        """Payload bytes for each byte stored, indexes included; 0 when nothing is stored."""
        return self.archived_bytes / self.object_bytes if self.object_bytes else 0.0

    def note(self, fault: str) -> None:
        """Keep an example of a difference."""
        if len(self.faults) < _MAX_EXAMPLES:
            self.faults.append(fault)


class Audit:
    """Takes the archive's records in any order, and gives the verdict at the end."""

    def __init__(self, ledger: Ledger) -> None:
        """Expect the entries of ``ledger``."""
        self._expected = {(entry.shard, entry.sequence, 0): entry for entry in ledger}
        self._unsure = Counter(ledger.unsure)
        self._seen: set[tuple[str, int, int]] = set()
        self._verdict = Verdict(put=ledger.put)

    def take(self, key: str, shard: str, records: Iterable[Record]) -> None:
        """Compare one object of the archive with the ledger."""
        self._verdict.objects += 1
        for record in records:
            self._compare(key, shard, record)

    def spoil(self, key: str, why: str) -> None:
        """Take note of an object that cannot be read to its end."""
        self._verdict.altered += 1
        self._verdict.note(f"altered: {key}: {why}")

    def finish(self, object_bytes: int) -> Verdict:
        """Count what was put and never seen. ``object_bytes`` is the size of all objects."""
        self._verdict.object_bytes = object_bytes
        for place in self._expected.keys() - self._seen:
            self._verdict.lost += 1
            self._verdict.note(f"lost: {_written(place)}")
        return self._verdict

    def _compare(self, key: str, shard: str, record: Record) -> None:
        verdict, place = self._verdict, (shard, *record.position)
        verdict.archived += 1
        verdict.archived_bytes += len(record.payload)
        if place in self._seen:
            verdict.duplicated += 1
            verdict.note(f"duplicated: {_written(place)}, again in {key}")
            return
        self._seen.add(place)
        entry = self._expected.get(place)
        if entry is None:
            self._explain(key, place, record)
        elif not _same(entry, record):
            verdict.altered += 1
            verdict.note(f"altered: {_written(place)} in {key}")

    def _explain(self, key: str, place: tuple[str, int, int], record: Record) -> None:
        digest = sha256_of(record.payload)
        if self._unsure[digest] > 0:
            self._unsure[digest] -= 1
            self._verdict.producer_repeats += 1
            return
        self._verdict.unexpected += 1
        self._verdict.note(f"unexpected: {_written(place)} in {key}")


def _same(entry: Entry, record: Record) -> bool:
    payload = record.payload
    return (
        entry.length == len(payload)
        and entry.partition_key == record.partition_key
        and entry.sha256 == sha256_of(payload)
    )


def _written(place: tuple[str, int, int]) -> str:
    shard, sequence, sub = place
    return f"{shard} {sequence}:{sub}"
