"""The audit of the archive: exact archives pass, and each way of being wrong is seen and named."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from consumers.local.archive_verdict import ArchiveAudit, ArchiveVerdict
from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.simulator import Kind
from consumers.records import Record

BASE = 59_840_575_911_564_161_544_688_297_237_453_061_673_126_407_733_581_447_266
SHARDS = ("shardId-000000000000", "shardId-000000000001")


@dataclass
class Archive:
    """Records by shard, with the ledger of their being put."""

    ledger: Ledger = field(default_factory=Ledger)
    records: dict[str, list[Record]] = field(default_factory=lambda: {name: [] for name in SHARDS})

    def put(self, shard: str, ordinal: int, data: bytes) -> None:
        """Put a record, and archive it."""
        sequence = BASE + ordinal
        self.ledger.add(Entry(shard, sequence, sha256_of(data), len(data), "key"))
        self.records[shard].append(Record(data, "key", str(sequence), 0))

    def audited(self) -> ArchiveVerdict:
        """Give the verdict over what is archived now."""
        audit = ArchiveAudit(self.ledger)
        for shard, records in self.records.items():
            audit.take(f"{shard}.lines", shard, records)
        return audit.finish(1000)


@pytest.fixture
def archive() -> Archive:
    """Make an exact archive of forty records."""
    made = Archive()
    for ordinal in range(40):
        made.put(SHARDS[ordinal % 2], ordinal, f"data {ordinal}".encode())
    return made


def test_an_exact_archive_is_good(archive: Archive) -> None:
    """All records once and unaltered: nothing is held against it."""
    verdict = archive.audited()
    assert verdict.good
    assert (verdict.put, verdict.archived, verdict.faults) == (40, 40, [])
    assert verdict.archived_bytes == sum(len(f"data {n}") for n in range(40))


def swapped(records: list[Record]) -> None:
    """Exchange the data of two records: every digest is still somewhere, at the wrong place."""
    first, second = records[0], records[1]
    records[0] = Record(second.data, first.partition_key, first.sequence_number, 0)
    records[1] = Record(first.data, second.partition_key, second.sequence_number, 0)


def rekeyed(records: list[Record]) -> None:
    """Give a record another partition key."""
    records[3] = Record(records[3].data, "other", records[3].sequence_number, 0)


def stranger(records: list[Record]) -> None:
    """Add a record that nobody put."""
    records.append(Record(b"data 0", "key", str(BASE + 999), 0))


def sub_sequence(records: list[Record]) -> None:
    """Give a record a sub-sequence number that it does not have."""
    records[2] = Record(records[2].data, "key", records[2].sequence_number, 0, 1)


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        (lambda records: records.pop(5), {"lost": 1}),
        (lambda records: records.append(records[5]), {"duplicated": 1}),
        (swapped, {"altered": 2}),
        (rekeyed, {"altered": 1}),
        (stranger, {"unexpected": 1}),
        (sub_sequence, {"unexpected": 1, "lost": 1}),
    ],
)
def test_damage_is_seen(archive: Archive, damage: Callable[[list[Record]], object], counts: dict[str, int]) -> None:
    """Negative controls: each kind of damage is counted as what it is, with an example."""
    damage(archive.records[SHARDS[0]])
    verdict = archive.audited()
    found = {name: getattr(verdict, name) for name in ("lost", "duplicated", "altered", "unexpected")}
    assert not verdict.good
    assert {name: count for name, count in found.items() if count} == counts
    assert verdict.faults


def test_the_same_number_in_another_shard_is_no_excuse(archive: Archive) -> None:
    """A record archived under the wrong shard is lost there and unexpected here."""
    archive.records[SHARDS[1]].append(archive.records[SHARDS[0]].pop())
    verdict = archive.audited()
    assert (verdict.lost, verdict.unexpected) == (1, 1)


def test_a_repeat_of_the_producer_is_not_held_against_the_archive(archive: Archive) -> None:
    """What was sent twice because an answer was lost may stand twice, but not three times."""
    archive.ledger.doubt([sha256_of(b"data 0")])
    stranger(archive.records[SHARDS[0]])
    verdict = archive.audited()
    assert verdict.good
    assert verdict.producer_repeats == 1
    archive.records[SHARDS[0]].append(Record(b"data 0", "key", str(BASE + 1000), 0))
    assert archive.audited().unexpected == 1


def test_an_unreadable_object_fails_the_audit(archive: Archive) -> None:
    """An object that cannot be taken apart is a fault even if nothing is missed in it."""
    audit = ArchiveAudit(archive.ledger)
    for shard, records in archive.records.items():
        audit.take("key", shard, records)
    audit.spoil("key", "cut short")
    assert not audit.finish(0).good


@pytest.mark.parametrize(("put", "archived"), [(None, ""), ("", None)])
def test_an_absent_key_is_no_empty_one(put: str | None, archived: str | None) -> None:
    """An archive that takes one for the other is altered."""
    made = Archive()
    made.ledger.add(Entry(SHARDS[0], BASE, sha256_of(b""), 0, put))
    made.records[SHARDS[0]].append(Record(b"", put, str(BASE), 0))
    assert made.audited().good
    made.records[SHARDS[0]] = [Record(b"", archived, str(BASE), 0)]
    assert made.audited().altered == 1


def test_a_ledger_survives_the_disk(archive: Archive, tmp_path: Path) -> None:
    """Sequence numbers of 56 digits, odd and absent partition keys and kinds are the same after a round trip."""
    archive.ledger.add(Entry(SHARDS[0], BASE * 2, sha256_of(b""), 0, "\u2028 ключ\n", Kind.GARBAGE))
    for n, key in enumerate((None, "", "null", "1")):
        archive.ledger.add(Entry(SHARDS[0], BASE * 3 + n, sha256_of(b""), 0, key))
    archive.ledger.save(tmp_path / "ledger.jsonl")
    assert list(Ledger.load(tmp_path / "ledger.jsonl")) == list(archive.ledger)


def test_passed_counts_up_to_a_checkpoint() -> None:
    """A checkpoint covers the records at or before it, in whatever order they were entered."""
    ledger, numbers = Ledger(), list(range(0, 100, 3))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        ledger.add(Entry("a", BASE + number, "", 0, ""))
    assert [ledger.passed("a", BASE + n) for n in (-1, 0, 1, 3, 99, 200)] == [0, 1, 1, 2, 34, 34]
    assert ledger.passed("b", BASE) == 0
    assert ledger.newest() == {"a": BASE + 99}
