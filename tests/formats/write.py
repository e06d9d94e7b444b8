"""`python -m tests.formats.write FOLDER`: small buckets of all that the fleet keeps, by the code as it stands.

For the day before a format changes: what it writes is kept, and read by all later versions. It depends neither on
chance nor on the hour.
"""

import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from consumers.chain.batcher import ChainBatcher, Limits, ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.place import ChainPlace
from consumers.config.consumer import ShardContext
from consumers.documents.decode import Limits as DecodeLimits
from consumers.hours.known import WatchPlace
from consumers.hours.reading import Horizon
from consumers.hours.watch import ShardWatch
from consumers.letters.breaker import Breaker
from consumers.letters.keys import LetterPlace
from consumers.letters.letter import LetterHead, letter_of
from consumers.letters.permit import Permit
from consumers.letters.starts import Starts
from consumers.letters.store import DeadLetters
from consumers.letters.suspects import Suspects
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Record
from consumers.redshift import ddl, ledger
from consumers.redshift.names import Names
from consumers.redshift.redrive import RedrivePlace, redrive
from consumers.redshift.rows import RowMaker
from consumers.redshift.stage_writer import StageWriter
from consumers.redshift.staged import Staged, StagedArea
from consumers.redshift.staging import Stage, StageWatch
from consumers.redshift.table import Column, Table
from consumers.redshift.transaction import manifest
from consumers.redshift.versions import Versions
from consumers.search.names import IndexNames
from tests.formats.bucket import Puts, save
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent
from tests.support.hours import SHARD, OneShard

NOON_MS = 1_795_780_800_000  # 2026-11-27T12
SEQUENCE = 49_668_899_999_999_999_999_999_999_999_999_999_999_999_999_999_999_999_999
STREAM = "events"
LARGE = "large.lines.gz"
PAYLOADS = (
    b'{"event":"heartbeat","sessionId":"6f1d2c3b-0000-4000-8000-00000000000a","playhead":12.5}',
    b"",
    b"\n",
    b"two\nlines\r\n",
    b"\xff\x00\x1f\x8b",
    '{"ключ":"🦊"}'.encode(),
    b'{"n":9007199254740993}',
)
KEYS = ("6f1d2c3b-0000-4000-8000-00000000000a", "k", "ключ 🦊", "1", 'a/b\n"c"\\', "", "\x7f\u2028")
HEAD = LetterHead(STREAM, SHARD, "sample", "0.1.0", "app")
TABLE = Table(
    3,
    "player_events",
    (Column("event", "varchar(32)", null=False), Column("seq", "varchar(64)", "$sequence"), Column("rest", "super")),
    sortkey=("seq",),
)
STAGED = Layout("staged", "dt=%Y-%m-%d/hour=%H", STREAM, ".gz")
NAMES = Names("public", "player_events", "staging", "staged")


def records(first: int, count: int, from_ms: int) -> list[Record]:
    """Make records, ten minutes apart; each third shares its sequence number with the one before it."""
    return [
        Record(
            PAYLOADS[n % len(PAYLOADS)],
            KEYS[n % len(KEYS)],
            str(SEQUENCE + (n - (n % 3 == 2)) * 10**7),
            from_ms + (n - first) * 600_000,
            1 if n % 3 == 2 else 0,
        )
        for n in range(first, first + count)
    ]


class Clock(MemoryStore):
    """A bucket whose time is told to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_at = NOON_MS
        self.clock_ms = lambda: self.now_at


def play(store: Clock, shard: OneShard, deliveries: Iterable[Sequence[Record]]) -> None:
    """Deliver, each as soon as its last record has arrived; then let hours pass without records."""
    for delivery in deliveries:
        store.now_at = max(store.now_at, delivery[-1].arrival_ms + 2_000)
        shard.deliver(delivery)
    for _ in range(25):
        store.now_at += 300_000
        shard.deliver([])


def puts_of(store: MemoryStore, all_records: Sequence[Record]) -> Puts:
    """Say which records each object was made of, by what its metadata says."""
    puts: Puts = {}
    for key, (_, metadata) in store.objects.items():
        if position_in(key):
            link = Link.parse(metadata)
            puts[key] = [one for one in all_records if link.count and link.first <= one.position <= link.last]
    return puts


def gzip() -> tuple[MemoryStore, Puts]:
    """Three complete hours, one of which got another record late."""
    store, put = Clock(), records(0, 14, NOON_MS)
    shard = OneShard(store)
    play(store, shard, [put[:3], put[3:9], put[9:]])
    late = msgspec.structs.replace(records(14, 1, NOON_MS)[0], arrival_ms=NOON_MS + 3_599_999)
    play(store, shard, [[late]])
    return store, puts_of(store, [*put, late])


def zstd() -> tuple[MemoryStore, Puts]:
    """A start at LATEST, so that its first hour is incomplete."""
    store, put = Clock(), records(0, 9, NOON_MS + 1_200_000)
    shard = OneShard(store, "zstd", start=Start(None, "LATEST"))
    play(store, shard, [put[:2], put[2:]])
    return store, puts_of(store, put)


def bzip2() -> tuple[MemoryStore, Puts]:
    """A first start that claimed the origin and died, and a second one that began further on: a fence."""
    store, put = Clock(), records(0, 9, NOON_MS)
    first = OneShard(store, "bzip2")
    store.now_at = put[1].arrival_ms
    first.pipeline.offer(put[:2], first.now, lambda _: None, caught_up=True)
    second = OneShard(store, "bzip2")
    play(store, second, [put[2:]])
    second.pipeline.end(second.now)
    return store, puts_of(store, put[2:])


def begun() -> tuple[MemoryStore, Puts]:
    """A start at LATEST whose hour is still open: a mark that knows of a gap."""
    store, put = Clock(), records(0, 2, NOON_MS + 1_200_000)
    shard = OneShard(store, start=Start(None, "LATEST"))
    store.now_at = put[-1].arrival_ms
    shard.deliver(put)
    shard.deliver([])
    return store, puts_of(store, put)


def keyless() -> tuple[MemoryStore, Puts]:
    """Records without a partition key, between empty ones and others."""
    store, put = Clock(), records(0, 14, NOON_MS)
    put = [msgspec.structs.replace(one, partition_key=None) if n % 4 == 1 else one for n, one in enumerate(put)]
    play(store, OneShard(store), [put])
    return store, puts_of(store, put)


def many() -> list[Record]:
    """Make so many records, with keys that do not compress, that their index has more than one piece."""
    rng = random.Random(5)
    return [
        Record(b"%d" % n, rng.randbytes(18).hex(), str(SEQUENCE + rng.randrange(10**20)), NOON_MS + n, 0)
        for n in range(2_000)
    ]


def large() -> tuple[MemoryStore, Puts]:
    """One object of `many`, which are not listed beside."""
    store, writer, put = MemoryStore(), ObjectWriter(CODECS["gzip"], 1), many()
    for run in (put[:700], put[700:701], put[701:]):
        writer.add(run, [one.arrival_ms for one in run])
    content = writer.finish()
    for key, body in ((LARGE, content.body), *content.beside(LARGE)):
        store.put_new(key, body, {}, b"")
    return store, {}


def none() -> tuple[MemoryStore, Puts]:
    """Two hours in gzip, the rest without compression: a layout that was changed."""
    store, put = Clock(), records(0, 16, NOON_MS)
    before = OneShard(store)
    store.now_at = put[7].arrival_ms
    for delivery in (put[:4], put[4:8], []):
        before.deliver(delivery)
    play(store, OneShard(store, "none", start=Start(before.committed, None)), [put[8:]])
    return store, puts_of(store, put)


def stage() -> tuple[MemoryStore, Puts]:
    """Staged objects with letters beside, a redriven row, the table's version, a manifest, the ledger."""
    store, put = Clock(), records(0, 9, NOON_MS)
    shard = OneShard(store)
    context = ShardContext(SHARD, shard.start, shard.pipeline._patience, Silent())
    kept = WatchPlace(replace(shard.hours, layout=STAGED), Horizon(8, 24 * HOUR_MS), "w", 1.0)
    hours = ShardWatch(store, shard, kept, context)
    maker = RowMaker(STREAM, SHARD, TABLE, DecodeLimits())
    letters = DeadLetters(store, LetterPlace("dead-letters", "app"))
    versions, starts = Versions(store, "app"), Starts(store, "app", STREAM, SHARD)
    suspects = Suspects(starts, "TRIM_HORIZON", maker.judge, maker.condemn, Silent())
    watch = StageWatch(hours, lambda: versions.declare(TABLE), suspects, store, letters)
    place = ChainPlace("app", SHARD, shard.hours.stream, STAGED, "w", 24)
    sink = Stage(Chain(store, place, shard.start, Silent(), watch), Permit(store, "app"), Breaker(10_000, 0.9))
    batcher = ChainBatcher(Limits(1 << 20, 5, 60), lambda: StageWriter(maker.judge, TABLE.version, HEAD))
    pipeline: Pipeline[ObjectBatch] = Pipeline(batcher, sink, context.patience, watch)
    shard.pipeline = pipeline
    play(store, shard, [put[:4], put[4:]])
    again = RedrivePlace(STAGED, shard.hours.stream, SHARD, "w")
    redrive(store, again, [put[0]], lambda: StageWriter(maker.judge, TABLE.version, HEAD))
    staged = staged_in(store)
    body = manifest(NAMES.bucket, [one for one in staged if one.rows])
    store.put_new("staged/_loads/2026-11-27T15-00-00.abc.manifest", body, {}, b"")
    written = ledger.Written("abc", "w", ledger.QUARANTINED, "it isn't what its metadata says")
    statements = [*ddl.beside(NAMES), *ledger.inserts(NAMES, staged, written)]
    store.objects["ledger.sql"] = (ddl.script(iter(statements)).encode(), {})
    return store, puts_of(store, put)


def staged_in(store: MemoryStore) -> list[Staged]:
    """Read what is staged."""
    area = StagedArea(store, STAGED)
    return [one for entry in area.entries(NOON_MS) if (one := area.read(entry))]


def search() -> tuple[MemoryStore, Puts]:
    """What the index keeps: names, beginnings with a condemned record, a permit, dead letters of two hours."""
    store, put = Clock(), records(0, 9, NOON_MS)
    IndexNames(store, "app", "events-%Y.%m.%d").learn({NOON_MS // HOUR_MS})
    store.now_at += 600_000
    IndexNames(store, "app", "events-%Y.%m.%d.%H").learn({NOON_MS // HOUR_MS})
    starts = Starts(store, "app", STREAM, SHARD)
    for _ in range(3):
        starts.begin(str(put[0].position))
    starts.condemn(put[3].position, ("SIGSEGV", "exit code 3"))
    starts.mark(put[4].position)
    Permit(store, "app").grant(HOUR_MS, stuck=True)
    letters = DeadLetters(store, LetterPlace("dead-letters", "app"))
    letters.put([letter_of(HEAD, one, "json_invalid", "cut short at byte 7") for one in put])
    return store, {}


WRITERS = (gzip, zstd, bzip2, none, begun, keyless, large, stage, search)


def main(folder: Path) -> None:
    """Write each bucket into a folder of its own."""
    for writer in WRITERS:
        store, puts = writer()
        save(folder / writer.__name__, store, puts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
