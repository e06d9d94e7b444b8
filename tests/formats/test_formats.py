"""What any version has written is read by this one: files of each, and for comparison what is written today."""

import gzip
import hashlib
import json
import re
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from consumers.audit.audit import Audit, Span
from consumers.audit.finding import Finding
from consumers.chain.layout import position_in
from consumers.chain.link import Link
from consumers.chain.origin import ChainRecord, recall
from consumers.chain.store import STATE_PREFIX
from consumers.cli import main
from consumers.hours.hours import Frontier
from consumers.hours.manifest import INCOMPLETE, Manifest, Note, Seal
from consumers.hours.mark import Mark
from consumers.hours.times import hour_of
from consumers.letters.keys import LetterPlace
from consumers.letters.permit import LetThrough, Permit
from consumers.letters.reading import Reader
from consumers.letters.starts import Starts, StartState
from consumers.letters.store import DeadLetters
from consumers.objects.reader import fetch
from consumers.objects.writer import Place
from consumers.records import HOUR_MS, Record
from consumers.redshift import ledger
from consumers.redshift.beside import letters_beside
from consumers.redshift.redrive import is_redriven
from consumers.redshift.versions import Versions
from consumers.search.names import IndexNames
from tests.formats import write
from tests.formats.bucket import Puts, load, versions
from tests.memory_store import MemoryStore
from tests.support.hours import SHARD, OneShard

ARCHIVES = ("gzip", "zstd", "bzip2", "none", "begun", "keyless")
COMPRESSION = {"begun": "gzip", "keyless": "gzip"}
TODAY = "today"
KINDS = (
    (rf"{STATE_PREFIX}/app/events\.[^/]+\.json", ChainRecord),
    (rf"{STATE_PREFIX}/app/hours/.*", Frontier),
    (rf"{STATE_PREFIX}/app/marks/.*", Mark),
    (rf"{STATE_PREFIX}/app/seals/.*", Seal),
    (rf"{STATE_PREFIX}/app/starts/.*", StartState),
    (rf"{STATE_PREFIX}/app/let-through\.json", LetThrough),
    (r".*/_manifest\.\d+\.json", Manifest),
    (r".*/_(SUCCESS|INCOMPLETE|LATE)", Note),
)


class Bucket(MemoryStore):
    """A bucket for an audit."""

    def digest(self, key: str) -> tuple[str, int] | None:
        """Read an object through."""
        body = self.objects[key][0]
        return hashlib.sha256(body).hexdigest(), len(body)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this version writes."""
    folder = tmp_path_factory.mktemp(TODAY)
    write.main(folder)
    return folder


@pytest.fixture(params=[*versions(), TODAY], scope="module")
def files(request: pytest.FixtureRequest) -> Path:
    """The files of each version in turn."""
    folder: Path = request.getfixturevalue("today") if request.param == TODAY else Path(__file__).parent / request.param
    return folder


def opened(folder: Path) -> tuple[Bucket, Puts]:
    """Give a bucket of its own to each test. Not each version has written all of them."""
    if not folder.exists():
        pytest.skip(f"{folder.parent.name} has no {folder.name}")
    store, puts = load(folder)
    bucket = Bucket()
    bucket.objects = store.objects
    return bucket, puts


@pytest.mark.parametrize("name", ARCHIVES)
def test_objects_give_back_what_was_put(files: Path, name: str) -> None:
    """Each record, with its key, position and time; none in a fence."""
    bucket, puts = opened(files / name)
    assert puts
    assert {key: list(fetch(bucket, key)) for key in bucket.objects if position_in(key)} == puts


def test_an_index_in_several_pieces_is_joined(files: Path) -> None:
    """Keys that do not compress make an index of more than one piece."""
    bucket, _ = opened(files / "large")
    assert list(fetch(bucket, write.LARGE)) == write.many()


def found_by_audit(bucket: Bucket, hours: OneShard, first_ms: int, last_ms: int) -> list[Finding]:
    """Audit a range of hours, with every object read."""
    found: list[Finding] = []
    layouts = _layouts(bucket, hours)
    frontier = msgspec.json.decode(bucket.get(f"{STATE_PREFIX}/app/hours/events.json"), type=Frontier)
    decided = range(frontier.first_ms, frontier.next_ms, HOUR_MS)
    Audit(bucket, Span(hours.hours.stream, layouts, first_ms, last_ms, decided), found.append, lambda *_: None).run(
        read=True
    )
    return found


def _layouts(bucket: Bucket, shard: OneShard) -> Any:
    record, _ = recall(bucket, f"{STATE_PREFIX}/app/events.{SHARD}.json")
    return tuple(dict.fromkeys((shard.hours.layout, *((record.layout, *record.former) if record else ()))))


def span_of(records: list[Record]) -> tuple[int, int]:
    """Give the first and the last hour of records."""
    return hour_of(min(one.arrival_ms for one in records)), hour_of(max(one.arrival_ms for one in records))


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2", "none"])
def test_an_audit_finds_nothing(files: Path, name: str) -> None:
    """Chains, manifests, markers and indexes are what they were; a loss is declared where there is one."""
    bucket, puts = opened(files / name)
    shard = OneShard(bucket, name)
    found = found_by_audit(bucket, shard, *span_of([one for some in puts.values() for one in some]))
    lost = any(INCOMPLETE in key or of[1].get("count") == "0" for key, of in bucket.objects.items())
    assert {one.kind for one in found} == ({"declared"} if lost else set())


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("place", ["inside", "beside", "none"])
def test_an_audit_misses_an_index_where_one_should_stand(compression: str, place: Place) -> None:
    """And nowhere else: the manifest says of each object where its index is."""
    clock, bucket, put = write.Clock(), Bucket(), write.records(0, 9, write.NOON_MS)
    shard = OneShard(clock, compression, place)
    write.play(clock, shard, [put])
    bucket.objects = clock.objects
    assert found_by_audit(bucket, shard, *span_of(put)) == []
    beside = [key for key in bucket.objects if ".index" in key]
    assert bool(beside) == (place == "beside" or (place == "inside" and compression == "zstd"))
    for key in beside:
        del bucket.objects[key]
    assert [(one.kind, one.where) for one in found_by_audit(bucket, shard, *span_of(put))] == [
        ("missing", key) for key in sorted(beside)
    ]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_writer_adopts_all_of_it_and_goes_on(files: Path, name: str) -> None:
    """Whoever is given the records again writes none, and appends behind them: one chain, of two versions."""
    bucket, puts = opened(files / name)
    before, records = set(bucket.objects), sorted((r for some in puts.values() for r in some), key=lambda r: r.position)
    last_ms = max(record.arrival_ms for record in records)
    bucket.clock_ms = lambda: last_ms + 2 * HOUR_MS
    shard = OneShard(bucket, COMPRESSION.get(name, name))
    shard.deliver(records)
    shard.deliver([])
    assert [key for key in set(bucket.objects) - before if position_in(key)] == []
    assert shard.pipeline.durable == records[-1].position
    more = write.records(40, 6, hour_of(last_ms))
    shard.deliver(more)
    shard.deliver([])
    keys = sorted(key for key in bucket.objects if position_in(key))
    chain = sorted(((Link.parse(bucket.objects[key][1]), key) for key in keys), key=lambda one: one[0].first)
    assert [one for _, key in chain for one in fetch(bucket, key)] == [*records, *more]
    assert all(link.origin or link.after == former.last for (former, _), (link, _) in pairwise(chain))


def test_each_file_of_state_says_what_it_said(files: Path) -> None:
    """Each name and value in it is read, beside whatever this version knows more of."""
    kinds = set()
    for folder in sorted(path for path in files.iterdir() if path.is_dir()):
        bucket, _ = opened(folder)
        for key, (body, _) in bucket.objects.items():
            for pattern, kind in KINDS:
                if re.fullmatch(pattern, key):
                    kinds.add(kind)
                    read = msgspec.to_builtins(msgspec.json.decode(body, type=kind))
                    assert _lacking(json.loads(body), read) == [], key
    assert kinds >= {kind for _, kind in KINDS} - {StartState, LetThrough}
    assert kinds >= {StartState, LetThrough} or not (files / "search").exists()


def _lacking(said: Any, read: Any, where: str = "") -> list[str]:
    """Name what a file says and its reader does not."""
    if isinstance(said, dict) and isinstance(read, dict):
        return [fault for name in said for fault in _lacking(said[name], read.get(name, KeyError), f"{where}.{name}")]
    if isinstance(said, list) and isinstance(read, list | tuple) and len(said) == len(read):
        return [
            fault for n, (a, b) in enumerate(zip(said, read, strict=True)) for fault in _lacking(a, b, f"{where}[{n}]")
        ]
    return [] if said == read else [f"{where}: {said!r} is read as {read!r}"]


def test_marks_and_notes_tell_what_happened(files: Path) -> None:
    """A gap of a start at LATEST, a shard that ended, an hour with holes, one that got more, a layout that changed."""
    begun, _ = opened(files / "begun")
    mark = msgspec.json.decode(begun.get(f"{STATE_PREFIX}/app/marks/events/{SHARD}.json"), type=Mark)
    assert [gap.reason for gap in mark.gaps] == ["LATEST"]
    bzip2, _ = opened(files / "bzip2")
    assert msgspec.json.decode(bzip2.get(f"{STATE_PREFIX}/app/marks/events/{SHARD}.json"), type=Mark).ended
    assert min(Link.parse(found).count for _, found in bzip2.objects.values() if found) == 0  # a fence
    hour = "raw/dt=2026-11-27/hour=12"
    zstd, _ = opened(files / "zstd")
    note = msgspec.json.decode(zstd.get(f"{hour}/_INCOMPLETE"), type=Note)
    assert [(hole.shard, hole.reason) for hole in note.holes] == [(SHARD, "LATEST")]
    late, _ = opened(files / "gzip")
    assert msgspec.json.decode(late.get(f"{hour}/_LATE"), type=Note).revision == 2
    none, _ = opened(files / "none")
    record, _ = recall(none, f"{STATE_PREFIX}/app/events.{SHARD}.json")
    assert record
    assert (record.layout.extension, [one.extension for one in record.former]) == ("", [".gz"])


def test_dead_letters_hold_what_was_rejected(files: Path) -> None:
    """Each record, whole, and why; and what the index keeps beside."""
    bucket, _ = opened(files / "search")
    reader = Reader(DeadLetters(bucket, LetterPlace("dead-letters", "app")))
    letters = list(reader.distinct(DeadLetters(bucket, LetterPlace("dead-letters", "app")).entries()))
    assert [one.record() for one in letters] == write.records(0, 9, write.NOON_MS)
    assert {(one.reason, one.detail, one.consumer) for one in letters} == {
        ("json_invalid", "cut short at byte 7", "sample")
    }
    assert reader.damaged == []


def test_what_the_index_keeps_is_in_force(files: Path) -> None:
    """Names hour by hour, the condemned record, how often the shard began, and the permit."""
    bucket, _ = opened(files / "search")
    put = write.records(0, 9, write.NOON_MS)
    bucket.clock_ms = lambda: write.NOON_MS + HOUR_MS // 2
    names = IndexNames(bucket, "app", "events-%Y.%m.%d.%H")
    noon = write.NOON_MS // HOUR_MS
    names.learn({noon, noon + 1})
    assert [names.of(noon), names.of(noon + 1)] == ["events-2026.11.27", "events-2026.11.27.13"]
    state = Starts(bucket, "app", write.STREAM, SHARD).begin(str(put[0].position))
    assert (state.starts, state.positions) == (4, frozenset({put[3].position}))
    assert Permit(bucket, "app").allowed(stuck=True)


def test_staged_objects_are_rows_and_letters(files: Path) -> None:
    """The links' notes, the rows, the letters beside, the table's version and what was redriven."""
    bucket, puts = opened(files / "stage")
    bucket.clock_ms = lambda: write.NOON_MS + 6 * HOUR_MS
    staged = write.staged_in(bucket)
    kept = [one for one in staged if not is_redriven(one.key)]
    put = [record for key in sorted(puts) for record in puts[key]]
    assert [one.key for one in kept] == sorted(puts)
    assert [one.link.count for one in kept] == [len(puts[key]) for key in sorted(puts)]
    letters = [letter.record() for one in kept for letter in letters_beside(bucket, one.key, one.link)]
    assert letters == [record for record in put if record.payload[:9] != b'{"event":']
    rows = [line for one in staged for line in gzip.decompress(bucket.get(one.key)).splitlines()]
    assert [json.loads(row)["event"] for row in rows] == ["heartbeat"] * sum(one.rows for one in staged)
    assert len(rows) == len(put) - len(letters) + 1  # and the one that was redriven
    assert {one.table for one in staged} == {write.TABLE.version}
    assert Versions(bucket, "app").of(write.TABLE.version) == write.TABLE


def test_a_standing_ledger_is_read_and_written(files: Path) -> None:
    """A table that any version has made takes what a load writes today, and what stands in it is understood."""
    bucket, _ = opened(files / "stage")
    bucket.clock_ms = lambda: write.NOON_MS + 6 * HOUR_MS
    staged = write.staged_in(bucket)
    with closing(sqlite3.connect(":memory:")) as database:
        database.create_function("GETDATE", 0, lambda: "2026-11-27 15:00:00")
        for statement in (files / "stage" / "bucket" / "ledger.sql").read_text().split(";\n"):
            if write.NAMES.ledger in statement and "VIEW" not in statement:
                database.execute(_plain(statement))
        chosen = ledger.reading(write.NAMES).partition(" WHERE ")[0]
        found = ledger.done(write.NAMES, database.execute(_plain(chosen)).fetchall())
        assert [
            (one.key, one.status, one.rows, one.sha256, one.first, one.last, one.after) for one in found.values()
        ] == [
            (one.key, ledger.QUARANTINED, one.rows, one.link.sha256, one.link.first, one.link.last, one.link.after)
            for one in staged
        ]
        assert [one.hour_ms for one in found.values()] == [one.hour_ms for one in staged]
        for insert in ledger.inserts(write.NAMES, staged, ledger.Written("later", "w")):
            database.execute(_plain(insert))


def _plain(statement: str) -> str:
    """Take from SQL what only Redshift knows."""
    return statement.replace(f"{write.NAMES.schema}.", "").partition("\nCOMPOUND SORTKEY")[0]


def test_cat_reads_files(files: Path) -> None:
    """Also those whose index lies beside."""
    for name in ("gzip", "zstd", "bzip2", "none"):
        _, puts = opened(files / name)
        key = max(puts)
        ran = CliRunner().invoke(main, ["cat", "--data", str(files / name / "bucket" / key)])
        assert ran.exit_code == 0, ran.output
        assert ran.stdout_bytes == b"".join(record.payload + b"\n" for record in puts[key])
