"""The audit of the index: an exact one passes, and each way of being wrong is seen and named."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from consumers.letters.letter import Letter, LetterHead, letter_of
from consumers.local.index_verdict import IndexAudit, IndexVerdict
from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.simulator import Kind, Produced, play
from consumers.records import Record

BASE = 59_840_575_911_564_161_544_688_297_237_453_061_673_126_407_733_581_447_266
STREAM, SHARD, INDEX = "events", "shardId-000000000000", "events-2026.01.01"
SEED = 5
ARRIVAL_MS = 1_767_225_600_000
COUNTS = ("lost", "duplicated", "altered", "unexpected", "misplaced")


@dataclass
class Index:
    """Documents and dead letters, with the ledger of their records being put."""

    ledger: Ledger = field(default_factory=Ledger)
    documents: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def put(self, ordinal: int, record: Produced) -> None:
        """Put a record, and give it the fate that its producer expects."""
        sequence, data = BASE + ordinal, record.data
        self.ledger.add(Entry(SHARD, sequence, sha256_of(data), len(data), record.partition_key, record.kind))
        if record.kind is Kind.GARBAGE:
            self.letters.append(letter(str(sequence), record.partition_key, data))
        else:
            event = data.replace(b"\\x22", b'"').replace(b"\\x5C", b"\\")  # nginx's escapes, by hand
            self.documents.append((f"{STREAM}:{SHARD}:{sequence}:0", {"@timestamp": ARRIVAL_MS, **json.loads(event)}))

    def audited(self) -> IndexVerdict:
        """Give the verdict over what stands now."""
        audit = IndexAudit(self.ledger, STREAM)
        for identity, source in self.documents:
            audit.document(INDEX, identity, source)
        audit.letters(self.letters)
        return audit.finish(None)


def letter(sequence: str, key: str | None, data: bytes) -> Letter:
    """Make a dead letter."""
    head = LetterHead(STREAM, SHARD, "elasticsearch_index", "1", "a")
    return letter_of(head, Record(data, key, sequence, ARRIVAL_MS), "json_invalid", "")


@pytest.fixture
def index() -> Index:
    """Make an exact index of two hundred and fifty records of all kinds."""
    made, records = Index(), play(SEED)
    for ordinal in range(250):
        made.put(ordinal, next(records))
    return made


def test_an_exact_index_is_good(index: Index) -> None:
    """Events of every kind are documents with the fields that were put, and garbage is dead letters."""
    assert {entry.kind for entry in index.ledger} == set(Kind)
    verdict = index.audited()
    assert verdict.good, verdict.faults
    assert (verdict.put, verdict.documents, verdict.dead_letters) == (250, 245, 5)
    assert verdict.reasons == {"json_invalid": 5}


def forgotten_letter(index: Index) -> None:
    """Keep no dead letter of a rejected record."""
    index.letters.pop()


def forgotten_document(index: Index) -> None:
    """Leave an event out."""
    index.documents.pop(7)


def twice(index: Index) -> None:
    """Index one event in two indices."""
    index.documents.append(index.documents[7])


def both(index: Index) -> None:
    """Keep a dead letter of what is indexed too."""
    identity, source = index.documents[7]
    data = json.dumps(source).encode()
    index.letters.append(letter(identity.split(":")[2], source["sessionId"], data))


def an_id_of_its_own(index: Index) -> None:
    """Index an event under an id that names no record."""
    _, source = index.documents[7]
    index.documents[7] = ("jF3k", source)


def another_document_of_a_record(index: Index) -> None:
    """Index one event as two documents."""
    identity, source = index.documents[7]
    index.documents.append((f"{identity}:1", source))


def another_stream(index: Index) -> None:
    """Name another stream in an id."""
    identity, source = index.documents[7]
    index.documents[7] = (f"x{identity}", source)


def changed(index: Index) -> None:
    """Change a field."""
    index.documents[7][1]["playhead"] = -1


def unescaped_wrongly(index: Index) -> None:
    """Take nginx's escapes back to something else."""
    escaped = next(entry for entry in index.ledger if entry.kind is Kind.ESCAPED)
    document = next(source for identity, source in index.documents if f":{escaped.sequence}:" in identity)
    document["event"] += "\\x22"


def garbage_indexed(index: Index) -> None:
    """Index what is no event."""
    rejected = index.letters.pop()
    index.documents.append((f"{STREAM}:{SHARD}:{rejected.sequence}:0", {"@timestamp": ARRIVAL_MS}))


def event_rejected(index: Index) -> None:
    """Reject an event."""
    event = next(entry for entry in index.ledger if entry.kind is Kind.EVENT)
    at = next(at for at, (identity, _) in enumerate(index.documents) if f":{event.sequence}:" in identity)
    _, source = index.documents.pop(at)
    data = msgspec.json.encode({name: value for name, value in source.items() if name != "@timestamp"})
    index.letters.append(letter(str(event.sequence), event.partition_key, data))


def other_letter(index: Index) -> None:
    """Keep other bytes in a dead letter."""
    index.letters[0] = msgspec.structs.replace(index.letters[0], payload=b"other")


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        (forgotten_letter, {"lost": 1}),
        (forgotten_document, {"lost": 1}),
        (twice, {"duplicated": 1}),
        (both, {"duplicated": 1}),
        (an_id_of_its_own, {"unexpected": 1, "lost": 1}),
        (another_document_of_a_record, {"unexpected": 1}),
        (another_stream, {"unexpected": 1, "lost": 1}),
        (changed, {"altered": 1}),
        (unescaped_wrongly, {"altered": 1}),
        (garbage_indexed, {"misplaced": 1}),
        (event_rejected, {"misplaced": 1}),
        (other_letter, {"altered": 1}),
    ],
)
def test_damage_is_seen(index: Index, damage: Callable[[Index], None], counts: dict[str, int]) -> None:
    """Negative controls: each kind of damage is counted as what it is, with an example that holds no data."""
    damage(index)
    verdict = index.audited()
    assert not verdict.good
    assert {name: getattr(verdict, name) for name in COUNTS if getattr(verdict, name)} == counts
    assert verdict.faults
    assert not any("sessionId" in fault for fault in verdict.faults)


def test_a_repeat_of_the_producer_is_not_held_against_the_index(index: Index) -> None:
    """What was sent twice because an answer was lost may stand twice, escaped or not, but not three times."""
    event, escaped = (next(e for e in index.ledger if e.kind is kind) for kind in (Kind.EVENT, Kind.ESCAPED))
    index.ledger.doubt([event.sha256, escaped.sha256])
    again = [replace(_of(index, entry), ordinal=900 + at) for at, entry in enumerate((event, escaped))]
    index.documents += [repeat.document for repeat in again]
    verdict = index.audited()
    assert verdict.good, verdict.faults
    assert verdict.producer_repeats == 2
    index.documents.append(replace(again[0], ordinal=999).document)
    assert index.audited().unexpected == 1


@dataclass(frozen=True, slots=True)
class _Repeat:
    source: dict[str, Any]
    ordinal: int

    @property
    def document(self) -> tuple[str, dict[str, Any]]:
        return f"{STREAM}:{SHARD}:{BASE + self.ordinal}:0", self.source


def _of(index: Index, entry: Entry) -> _Repeat:
    source = next(source for identity, source in index.documents if f":{entry.sequence}:" in identity)
    return _Repeat(source, 0)


def test_unreadable_letters_fail_the_audit(index: Index) -> None:
    """Dead letters that cannot be taken apart are a fault even if nothing is missed in them."""
    audit = IndexAudit(index.ledger, STREAM)
    for identity, source in index.documents:
        audit.document(INDEX, identity, source)
    audit.letters(index.letters)
    audit.spoil("key", "is empty")
    assert not audit.finish(None).good
