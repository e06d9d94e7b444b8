"""The simulated fleet with staged objects: rows, dead letters beside them, and a table that is changed meanwhile.

Half of the processes stage by a later version of the table, which rejects other records: so of two objects that raced
for a key, the letters differ as well as the cuts. Long runs make no row at all.
"""

import gzip
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from greenlet import getcurrent

from consumers.chain.batcher import ChainBatcher, Limits
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.origin import recall, record_key
from consumers.chain.place import ChainPlace, NoGrowthWatch
from consumers.documents.document import Rejected
from consumers.kcl.checkpointer import Commits
from consumers.kcl.processor import ShardProcessor
from consumers.letters.breaker import Breaker
from consumers.letters.keys import LetterPlace
from consumers.letters.letter import LetterHead
from consumers.letters.reading import Reader
from consumers.letters.starts import Starts, StartState
from consumers.letters.store import DeadLetters
from consumers.letters.suspects import Suspects
from consumers.parts import NoDeliveryWatch, Start
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.redshift.stage_writer import REJECTED, ROWS, TABLE, StageWriter
from consumers.redshift.staging import Stage, StageWatch
from consumers.waiting import Patience, Unavailable
from tests.memory_store import MemoryStore
from tests.model.fleet import FlakyStore, Silent, Simulation
from tests.model.stream import Shard

LAYOUT = Layout("p", "dt=%Y-%m-%d/hour=%H", "s", ".gz")
VERSIONS = (1, 2)
RUN = 8_000_000
"""Sequence numbers whose records fail together: some fifteen records in a row."""


@dataclass(frozen=True)
class Parts:
    """Which classes run: the production ones, or a seeded bug of a negative control."""

    chain: type[Chain] = Chain
    pipeline: type[Pipeline] = Pipeline  # type: ignore[type-arg]
    stage: type[Stage] = Stage
    watch: type[StageWatch] = StageWatch
    writer: type[StageWriter] = StageWriter


PRODUCTION = Parts()


class NoHours(NoDeliveryWatch, NoGrowthWatch):
    """Hours are played elsewhere."""


class FirstStart(Starts):
    """No process is careful: that is played elsewhere, and takes subprocesses."""

    def begin(self, start: str) -> StartState:
        return msgspec.structs.replace(super().begin(start), starts=1)


@dataclass
class Maker:
    """Makes one or two rows of a record, or none, as seed, version and position say."""

    seed: int
    version: int

    def judge(self, record: Record) -> tuple[bytes, ...] | Rejected:
        dice = self._dice(record.position.sequence // RUN, "run"), self._dice(*record.position)
        if dice[0] < 0.5 or dice[1] < 0.2:
            return Rejected("dice", f"by version {self.version}")
        line = msgspec.json.encode([str(record.position), self.version, record.payload]) + b"\n"
        return (line,) if dice[1] < 0.8 else (line, line)

    def _dice(self, *what: object) -> float:
        rng = random.Random(f"{self.seed} {what}")
        first = rng.random()
        return first if rng.random() < 0.6 else random.Random(f"{self.seed} {what} {self.version}").random()


@dataclass
class Whim:
    """An operator who lets records through now and then."""

    rng: random.Random
    asked: int = 0

    def allowed(self, *, stuck: bool = False) -> bool:
        self.asked += 1
        if self.rng.random() < 0.2:
            raise Unavailable("down")
        return self.rng.random() < 0.5


class Staging(Simulation):
    """One schedule, drawn from a seed."""

    def __init__(self, seed: int, parts: Parts = PRODUCTION, *, trims: bool = False, rewinds: bool = False) -> None:
        super().__init__(seed, trims=trims, rewinds=rewinds)
        self.seed, self.parts = seed, parts
        self.graves = MemoryStore()
        self.graves.clock_ms = lambda: self.now_ms
        self.paused = 0

    def letters(self, store: MemoryStore) -> DeadLetters:
        return DeadLetters(store, LetterPlace("dead", "app"))

    def keys(self, shard: Shard) -> list[str]:
        return [key for key in super().keys(shard) if position_in(key)]

    def _processor(self, rng: random.Random) -> ShardProcessor:
        store, log = self.stores[getcurrent()], Silent()
        store.begun, store.clock_ms = self.begun, self.store.clock_ms
        graves = FlakyStore(self.graves, rng)
        graves.clock_ms = self.graves.clock_ms
        limits = Limits(rng.choice([1, 400, 100_000]), rng.choice([2, 5, 100]), rng.choice([0.5, 3.0]))
        maker = Maker(self.seed, rng.choice(VERSIONS))
        parts = self.parts

        def pause(_seconds: float) -> None:
            self.paused += 1
            getcurrent().parent.switch()

        def clock() -> float:
            return self.time

        def pipeline(shard: str, start: Start) -> Pipeline:  # type: ignore[type-arg]
            starts = FirstStart(graves, "app", "s", shard)
            letters = self.letters(graves)
            suspects = Suspects(starts, "", maker.judge, lambda _condemned: None, log)
            watch = parts.watch(NoHours(), _nothing, suspects, store, letters)  # type: ignore[arg-type]
            place = ChainPlace("app", shard, "r:s", LAYOUT, "w", 24)
            stage = parts.stage(parts.chain(store, place, start, log, watch), Whim(rng), Breaker(10, 0.5))
            head = LetterHead("s", shard, "redshift_stage", "1.0", "app")
            batcher = ChainBatcher(limits, lambda: parts.writer(maker.judge, maker.version, head))
            return parts.pipeline(batcher, stage, Patience(pause, clock, log, jitter=rng), watch)

        return ShardProcessor(pipeline, Commits(clock, pause, log, jitter=rng), clock, 5.0, log)


def _nothing() -> None: ...


@dataclass
class Staged:
    """What a played schedule left, held against what was put."""

    lost: int = 0
    doubled: int = 0
    buried: int = 0
    unburied: int = 0
    faults: list[str] = field(default_factory=list)
    rows: int = 0
    letters: int = 0
    empty: int = 0

    @property
    def wrong(self) -> list[str]:
        """Name what is wrong: records without a fate, rows twice, letters of rows, and rejected ones without."""
        counts = [name for name in ("lost", "doubled", "buried", "unburied") if getattr(self, name)]
        return [*counts, *(["faults"] if self.faults else [])]


def judged(simulation: Staging) -> Staged:
    """Read everything back, link by link."""
    found = Staged(faults=list(simulation.faults))
    letters = simulation.letters(simulation.graves)
    reader = Reader(letters)
    dead = Counter((one.shard, one.position) for one in reader.distinct(letters.entries()))
    found.faults += [str(fault) for fault in reader.damaged]
    found.letters = sum(dead.values())
    for shard in simulation.shards:
        fates: Counter[Position] = Counter()
        rejected: set[Position] = set()
        excused: set[Position] = set()
        links = sorted(
            ((Link.parse(simulation.store.objects[key][1]), key) for key in simulation.keys(shard)),
            key=lambda one: one[0].first,
        )
        origin = origin_of(simulation, shard)
        for link, key in links:
            if not link.count:
                continue
            held = [record for record in shard.records if link.first <= record.position <= link.last]
            maker = Maker(simulation.seed, int(link.notes[TABLE]))
            verdicts = [(record, maker.judge(record)) for record in held]
            if len(held) != link.count:
                found.faults.append(f"the count of {link.first}")
            fates.update(record.position for record, _ in verdicts)
            refused = {record.position for record, one in verdicts if isinstance(one, Rejected)}
            rejected |= refused
            if _strays(link, links, shard, origin):
                excused |= refused
            lines = [line for _, one in verdicts if isinstance(one, tuple) for line in one]
            found.rows += len(lines)
            found.empty += not lines
            if gzip.decompress(simulation.store.objects[key][0]) != b"".join(lines):
                found.faults.append(f"the rows of {link.first}")
            if (int(link.notes[ROWS]), int(link.notes[REJECTED])) != (len(lines), len(verdicts) - _kept(verdicts)):
                found.faults.append(f"the notes of {link.first}")
        found.doubled += sum(1 for count in fates.values() if count > 1)
        found.lost += sum(1 for record in shard.records[shard.trimmed :] if record.position not in fates)
        buried = {position for of, position in dead if of == shard.name}
        found.buried += len(buried - rejected)
        found.unburied += len(rejected - buried - excused)
    return found


def origin_of(simulation: Staging, shard: Shard) -> Position | None:
    """Give where the first start that came to write claimed the chain's origin."""
    record, _ = recall(simulation.store, record_key("app", LAYOUT, shard.name))
    return record.origin.position if record else None


def _strays(link: Link, links: Sequence[tuple[Link, str]], shard: Shard, origin: Position | None) -> bool:
    """Whether a process that had lost the shard wrote this of records that expired before anybody else read them.

    Whoever holds the shard never comes by, so the letters stay beside where that process died (docs/guarantee.md).
    """
    behind = shard.trimmed and link.last <= shard.records[shard.trimmed - 1].position
    after = next((other.after for other, _ in links if other.first > link.last), None)
    before_all = after is None and origin is not None and link.last < origin  # and so after it was claimed further on
    return bool(behind) and (before_all or (after is not None and after < link.first))


def _kept(verdicts: Sequence[tuple[Record, Any]]) -> int:
    return sum(1 for _, one in verdicts if isinstance(one, tuple))
