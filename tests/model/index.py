"""A simulated shard, lease, search server and bucket around the production classes of the index's processes.

Each process is a greenlet: it can be frozen before or after each effect on the server, the bucket and the lease table,
crash there, thaw after its lease has moved, lose answers, and be refused. A request whose sender gave up may be applied
later. Hours pass, and processes start with another `index.name`. One seed gives one schedule.
"""

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from greenlet import GreenletExit, greenlet

from consumers.documents.decode import Limits as DecodeLimits
from consumers.kcl.checkpointer import CheckpointRefused, Commits
from consumers.kcl.processor import ShardProcessor
from consumers.letters.breaker import Breaker
from consumers.letters.keys import LetterPlace
from consumers.letters.letter import LetterHead
from consumers.letters.permit import Permit
from consumers.letters.starts import Starts, StartState, start_text
from consumers.letters.store import DeadLetters
from consumers.letters.suspects import Suspects
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.search.batcher import IndexBatcher, Limits
from consumers.search.bulk import Bulk
from consumers.search.following import Following
from consumers.search.indexer import Indexer
from consumers.search.judge import Judge
from consumers.search.names import IndexNames
from consumers.search.shape import Shape, conditions_of
from consumers.waiting import Patience
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent
from tests.model.index_faults import APART_MS, APPLICATION, FlakyServer, FlakyStore, Lease, step
from tests.model.stream import SHARD_END, Shard
from tests.search.fake_server import FakeServer

STREAM, SHARD = "s", "shardId-000000000000"
EPOCH_MS = 1_700_000_000_000 - 1_700_000_000_000 % HOUR_MS + HOUR_MS
TEMPLATES = ("a-%d.%H", "b-%d.%H", "a-%d")
MOST_BYTES = 4500  # beyond what is never taken for too large
GOOD, REFUSED, FILTERED, LARGE = '"n":1', '"n":"x"', '"event":"heartbeat"', f'"t":"{"x" * 5000}"'


@dataclass(frozen=True)
class Fate:
    """What must become of a record: documents, by a name that each carries, and whether it is a dead letter."""

    documents: frozenset[str]
    dead: bool


@dataclass
class Variant:
    """Which classes run: the production ones, or a seeded bug of a negative control."""

    indexer: type[Indexer] = Indexer
    judge: type[Judge] = Judge
    names: type[IndexNames] = IndexNames
    pipeline: type[Pipeline] = Pipeline  # type: ignore[type-arg]
    letters: type[DeadLetters] = DeadLetters


class Trusting(Starts):
    """Counts the beginnings of a shard, and takes none for a sign: nobody kills the process but the schedule."""

    def begin(self, start: str) -> StartState:
        return msgspec.structs.replace(super().begin(start), starts=1)


@dataclass
class IndexSimulation:
    """One schedule, drawn from a seed. `mends`: the mapping lets everything pass from some moment on."""

    seed: int
    variant: Variant = field(default_factory=Variant)
    mends: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.now_ms = EPOCH_MS + self.rng.randrange(HOUR_MS)
        self.time = 0.0
        self.left = 40
        self.sequence = 10**55
        self.calm = False
        self.shard = Shard(SHARD)
        self.fates: dict[Position, Fate] = {}
        self.store = MemoryStore()
        apart_ms = self.rng.randint(-APART_MS, APART_MS)
        self.store.clock_ms = lambda: self.now_ms + apart_ms
        self.server = FakeServer(numbers=frozenset({"n"}), most_bytes=MOST_BYTES)
        self.server.busy = lambda _id: not self.calm and self.rng.random() < 0.1
        self.late: list[Callable[[], object]] = []
        self.dead: set[Position] = set()
        self.children: list[tuple[greenlet, int]] = []
        self.template = TEMPLATES[0]
        self.faults: list[str] = []
        self.indexers: list[Indexer] = []

    def told(self, fault: str) -> Any:
        """Make the server fail at the next request."""
        faults = self.server.faults
        faults.clear()
        if fault:
            faults.append(fault)  # type: ignore[arg-type]
        return faults

    def run(self, turns: int = 6000) -> bool:
        """Play until the shard is done; False if the schedule did not end, with nothing failing for half of it."""
        for turn in range(turns):
            self.calm = turn > turns // 2
            self._turn()
            if self.shard.done:
                break
        for child, _ in self.children:  # those that are left die, and what they sent arrives
            if self.rng.random() < 0.5:
                child.throw(GreenletExit)
        self.calm = True
        for child, _ in self.children:
            for _ in range(500):
                if child.dead:
                    break
                child.switch()
        while self.late:
            self.late.pop()()
        return self.shard.done

    def _turn(self) -> None:
        dice = self.rng.random()
        self.time += self.rng.random()
        self.now_ms += self.rng.choice([0, 20, 500] if self.calm else [0, 20, 500, 5000, 30_000])
        if dice < 0.05 and self.left:
            self._produce()
        elif dice < 0.07:
            self._operate()
        elif dice < 0.09 and self.late:
            self.late.pop(self.rng.randrange(len(self.late)))()
        elif (dice < 0.12 and not self.calm) or not any(epoch == self.shard.epoch for _, epoch in self.children):
            self._move_lease()
        else:
            child, epoch = self.rng.choice(self.children)
            if epoch != self.shard.epoch and self.rng.random() < 0.6:  # a zombie thaws rarely
                child = next(one for one, epoch in self.children if epoch == self.shard.epoch)
            child.switch()
        self.shard.closed = not self.left
        self.children = [entry for entry in self.children if not entry[0].dead]

    def _operate(self) -> None:
        """Do what an operator does now and then: deploy another name, let rejected records pass, mend the mapping."""
        self.template = self.rng.choice(TEMPLATES)
        if self.calm or self.rng.random() < 0.5:
            Permit(self.store, APPLICATION).grant(HOUR_MS)
        if self.mends and self.rng.random() < 0.2:
            self.server.numbers = frozenset()
            for index in self.server.indices.values():
                index.numbers = frozenset()

    def _produce(self) -> None:
        self.now_ms += self.rng.randint(0, HOUR_MS // 3)
        for _ in range(min(self.left, self.rng.randint(1, 6))):
            self.left -= 1
            self.sequence += self.rng.randint(1, 10**6)
            for sub in range(self.rng.choice([1, 1, 1, 3])):
                arrival_ms = self.now_ms - self.rng.choice([0, 0, 7, 40])
                kinds = self.rng.choices(
                    (GOOD, REFUSED, FILTERED, LARGE), (12, 2, 2, 1), k=self.rng.choice([1, 1, 1, 3])
                )
                position = Position(self.sequence, sub)
                named = {f"{position}:{number}": kind for number, kind in enumerate(kinds)}
                data = " ".join(f'{{{kind},"name":"{name}"}}' for name, kind in named.items()).encode()
                if self.rng.random() < 0.08:
                    data, named = b"\xff", {"": REFUSED}
                self.shard.records.append(Record(data, "key", str(self.sequence), arrival_ms, sub))
                self.fates[position] = _fate(named)

    def _move_lease(self) -> None:
        self.shard.epoch += 1
        died = self.rng.random() < 0.5  # otherwise the old process lives on as a zombie
        for child, epoch in self.children:
            if died and epoch == self.shard.epoch - 1:
                child.throw(GreenletExit)
        lease = Lease(self, self.shard.epoch, random.Random(self.rng.random()))
        template = self.template if self.rng.random() < 0.8 else self.rng.choice(TEMPLATES)
        self.children.append((greenlet(lambda: self._live(lease, template)), self.shard.epoch))

    def _live(self, lease: Lease, template: str) -> None:
        with suppress(CheckpointRefused):  # the process exits; its daemon starts another
            self._child(lease, template)

    def _child(self, lease: Lease, template: str) -> None:
        rng, shard = lease.rng, self.shard
        server, store = FlakyServer(self, rng), FlakyStore(self, rng)
        processor = self._processor(server, store, template, rng)
        start = shard.checkpoint
        if start == SHARD_END:
            return
        position = lease.delivered = start if isinstance(start, Position) else None
        processor.initialize(SHARD, str(position.sequence) if position else str(start), position.sub if position else 0)
        while True:
            step()
            waiting = shard.after(position)
            if lease.epoch == shard.epoch and not self.calm and rng.random() < 0.03:
                processor.shutdown_requested(lease)
                return
            if waiting:
                delivery = waiting[: rng.randint(1, 9)]
                position = lease.delivered = delivery[-1].position
                processor.process_records(delivery, 0, lease)
            elif not shard.closed:
                processor.process_records([], 0, lease)
            elif lease.epoch == shard.epoch:
                processor.shard_ended(lease)
                return
            else:
                return

    def _processor(self, server: Any, store: MemoryStore, template: str, rng: random.Random) -> ShardProcessor:
        log = Silent()

        def pause(_seconds: float) -> None:
            step()

        def clock() -> float:
            return self.time

        def pipeline(_shard: str, start: Start) -> Pipeline[Any]:
            return self.pipeline(server, store, template, start, Patience(pause, clock, log, jitter=rng))

        return ShardProcessor(pipeline, Commits(clock, pause, log, jitter=rng), clock, 5.0, log)

    def pipeline(self, server: Any, store: Any, template: str, start: Start, patience: Patience) -> Pipeline[Any]:
        """Join the production classes as the consumer does."""
        names = self.variant.names(store, APPLICATION, template)
        shape = Shape(exclude=conditions_of("event=heartbeat"))
        judge = self.variant.judge(STREAM, SHARD, names.of, shape, DecodeLimits())
        letters = self.variant.letters(store, LetterPlace("dead-letters", APPLICATION))
        rng = patience.jitter
        most_bytes = rng.choice([200, 9000])
        limits = Limits(most_bytes, rng.choice([2, 5, 100]), rng.choice([0.0, 0.5, 3.0]))
        indexer = self.variant.indexer(
            Bulk(server, most_bytes),
            letters,
            LetterHead(STREAM, SHARD, "elasticsearch_index", "0", APPLICATION),
            Permit(store, APPLICATION),
            Breaker(12, 0.7),
            patience.clock,
            patience.log,
        )
        self.indexers.append(indexer)
        starts = Trusting(store, APPLICATION, STREAM, SHARD)
        following = Following(names, Suspects(starts, start_text(start), judge.judge, judge.condemn, patience.log))
        return self.variant.pipeline(IndexBatcher(limits, judge.judge), indexer, patience, following)

    def undone(self, last: Position | None) -> list[Position]:
        """Give the records up to this one, or all, that need another delivery."""
        standing = set(self.standing())
        return [
            position
            for position, fate in self.fates.items()
            if (last is None or position <= last)
            and position not in self.dead
            and not (fate.documents <= standing and (self.mends or not fate.dead))
        ]

    def standing(self) -> list[str]:
        """Name all documents in all indices."""
        indices = self.server.indices.values()
        return [json.loads(source)["name"] for index in indices for source in index.documents.values()]


def _fate(named: Mapping[str, str]) -> Fate:
    good = frozenset(name for name, kind in named.items() if kind is GOOD)
    return Fate(good, dead=REFUSED in named.values() or LARGE in named.values())
