"""Compares the archive with what was put, record by record and byte by byte."""

from collections.abc import Iterable, Iterator

from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.matching import Differences, Matching, Place, written
from consumers.local.sink import Figures
from consumers.records import Record

_MIB = 1024 * 1024


class ArchiveVerdict(Differences, kw_only=True):
    """The result of an audit. Counts are of records; bytes are of payloads before compression."""

    archived: int = 0
    objects: int = 0
    archived_bytes: int = 0
    object_bytes: int = 0

    @property
    def good(self) -> bool:
        """Whether the archive is exact."""
        return self.exact

    @property
    def compression_ratio(self) -> float:
        """Payload bytes per stored byte, indexes included; 0 if nothing is stored."""
        return self.archived_bytes / self.object_bytes if self.object_bytes else 0.0

    def figures(self) -> Iterator[Figures]:
        """Return the tables for people."""
        rows = [
            ("records archived", f"{self.archived:,}"),
            *self.counts(),
            ("objects", f"{self.objects:,}"),
            ("payload", f"{self.archived_bytes / _MIB:.1f} MiB"),
            ("stored", f"{self.object_bytes / _MIB:.1f} MiB, {self.compression_ratio:.1f} : 1"),
            *self.repeats(),
        ]
        yield Figures("the archive", rows)


class ArchiveAudit:
    """Compares the archive's records, in any order, and returns the verdict at the end."""

    def __init__(self, ledger: Ledger) -> None:
        """Expect the entries of ``ledger``."""
        self._verdict = ArchiveVerdict()
        self._matching = Matching(ledger, self._verdict)

    def take(self, key: str, shard: str, records: Iterable[Record]) -> None:
        """Compare one object of the archive with the ledger."""
        self._verdict.objects += 1
        for record in records:
            self._compare(key, shard, record)

    def spoil(self, key: str, why: str) -> None:
        """Count an object that cannot be read to its end."""
        self._verdict.altered += 1
        self._verdict.note(f"altered: {key}: {why}")

    def finish(self, object_bytes: int) -> ArchiveVerdict:
        """Count the records that were never seen, and return the verdict. ``object_bytes`` is the total size."""
        self._verdict.object_bytes = object_bytes
        self._matching.finish()
        return self._verdict

    def _compare(self, key: str, shard: str, record: Record) -> None:
        place: Place = (shard, *record.position)
        self._verdict.archived += 1
        self._verdict.archived_bytes += len(record.payload)
        entry = self._matching.entry(place, key, record.payload)
        if entry is not None and not _same(entry, record):
            self._verdict.altered += 1
            self._verdict.note(f"altered: {written(place)} in {key}")


def _same(entry: Entry, record: Record) -> bool:
    payload = record.payload
    return (
        entry.length == len(payload)
        and entry.partition_key == record.partition_key
        and entry.sha256 == sha256_of(payload)
    )
