"""A simulated stream, lease table and fleet around the production classes of one shard's process.

Each child process is a greenlet: it can be frozen before or after each effect on the store, crash there, thaw after its
lease has moved, lose answers, and be refused. One seed gives one schedule.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from greenlet import GreenletExit, getcurrent, greenlet

from consumers.chain.batcher import ChainBatcher, Limits
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.chain.place import ChainPlace
from consumers.kcl.checkpointer import CheckpointRefused, Commits
from consumers.kcl.processor import ShardProcessor
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Patience, Unavailable
from tests.memory_store import MemoryStore
from tests.model.stream import SHARD_END, LeaseRow, Shard

EPOCH_MS = 1_700_000_000_000 - 1_700_000_000_000 % HOUR_MS + HOUR_MS - 40


class Silent:
    """A log that nobody reads."""

    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


@dataclass(frozen=True)
class Variant:
    """Which classes run: the production ones, or a seeded bug of a negative control."""

    chain: type[Chain] = Chain
    pipeline: type[Pipeline] = Pipeline  # type: ignore[type-arg]
    processor: type[ShardProcessor] = ShardProcessor
    store: type[MemoryStore] = MemoryStore


class FlakyStore(MemoryStore):
    """Yields to the scheduler around each effect, and now and then fails before it or loses the answer."""

    def __init__(self, inner: MemoryStore, rng: random.Random) -> None:
        self._inner, self._rng = inner, rng
        self.objects = inner.objects
        self.begun: set[str] = set()
        self.wrote = False

    def _do(self, call: Callable[[], object]) -> object:
        getcurrent().parent.switch()
        if self._rng.random() < 0.04:
            raise Unavailable("down")
        result = call()
        getcurrent().parent.switch()
        if self._rng.random() < 0.04:
            raise Unavailable("the answer was lost")
        return result

    def put_new(self, key, body, metadata, sha256):  # type: ignore[no-untyped-def]
        if metadata.get("count", "0") != "0":
            self.begun.add(metadata["shard"])
            self.wrote = True
        return self._do(lambda: self._inner.put_new(key, body, metadata, sha256))

    def swap(self, key, body, version):  # type: ignore[no-untyped-def]
        return self._do(lambda: self._inner.swap(key, body, version))

    def metadata(self, key):  # type: ignore[no-untyped-def]
        return self._do(lambda: self._inner.metadata(key))

    def find(self, key):  # type: ignore[no-untyped-def]
        return self._do(lambda: self._inner.find(key))

    def list(self, prefix):  # type: ignore[no-untyped-def]
        return iter(self._do(lambda: list(self._inner.list(prefix))))  # type: ignore[call-overload]


class Simulation:
    """One schedule, drawn from a seed."""

    def __init__(self, seed: int, variant: Variant = Variant(), *, trims: bool = False, rewinds: bool = False) -> None:
        self.rng = random.Random(seed)
        self.variant = variant
        self.trims, self.rewinds = trims, rewinds
        self.store = variant.store()
        self.now_ms = EPOCH_MS
        self.store.clock_ms = lambda: self.now_ms
        self.sequence = 10**55
        self.shards = [Shard("shardId-000000000000"), Shard("shardId-000000000001")]
        self.children: list[tuple[greenlet, Shard, int]] = []
        self.splits = self.rng.randint(0, 3)
        self.time = 0.0
        self.left = 0
        self.faults: list[str] = []
        self.begun: set[str] = set()
        self.stores: dict[greenlet, FlakyStore] = {}
        self.rows: list[tuple[LeaseRow, Shard]] = []

    def run(self, steps: int = 4000, records: int = 60) -> bool:
        """Play until every shard is done; False if the schedule did not end."""
        self.left = records
        for _ in range(steps):
            self._turn()
            if not self.left and all(shard.done for shard in self.shards):
                break
        for child, _, _ in self.children:
            child.throw(GreenletExit)
        return all(shard.done for shard in self.shards)

    def _turn(self) -> None:
        dice = self.rng.random()
        self.time += self.rng.random()
        if self.left and dice < 0.08:
            self._produce()
        elif self.left and dice < 0.10 and self.splits:
            self._reshard()
        elif self.left and self.trims and dice < 0.13:
            self._trim()
        elif self.left and self.rewinds and dice < 0.14:
            self._rewind()
        elif dice < 0.16 or not self.children:
            self._move_lease()
        else:
            child, shard, epoch = self.rng.choice(self.children)
            if epoch != shard.epoch and self.rng.random() < 0.6:  # a zombie thaws rarely
                child, shard, epoch = self.rng.choice(self.children)
            child.switch()
        if not self.left:  # the stream ends: let every shard close
            for shard in self.shards:
                shard.closed = True
        self.children = [entry for entry in self.children if not entry[0].dead]

    def _produce(self) -> None:
        shard = self.rng.choice([s for s in self.shards if not s.closed] or [None])
        if shard is None:
            return
        for _ in range(min(self.left, self.rng.randint(1, 6))):
            self.left -= 1
            self.sequence += self.rng.randint(1, 10**6)
            self.now_ms += self.rng.randint(0, 12)
            arrival = self.now_ms - self.rng.choice([0, 0, 0, 7])
            for sub in range(self.rng.choice([1, 1, 1, 3])):
                data = self.rng.randbytes(self.rng.randint(0, 8))
                shard.records.append(Record(data, "key", str(self.sequence), arrival, sub))

    def _reshard(self) -> None:
        self.splits -= 1
        alive = [shard for shard in self.shards if not shard.closed]
        count = len(self.shards)
        if len(alive) > 1 and self.rng.random() < 0.4:
            parents: tuple[Shard, ...] = tuple(alive[:2])
            names = 1
        else:
            parents, names = (self.rng.choice(alive),), 2
        for parent in parents:
            parent.closed = True
        self.shards += [Shard(f"shardId-{count + i:012d}", parents) for i in range(names)]

    def _trim(self) -> None:
        """Expire a shard's oldest records while nothing of it was sent to the store: a first start at the edge.

        Nothing expires that a running child has yet to read: that is a loss for any consumer, and docs/guarantee.md
        says what holds then.
        """
        for shard in self.shards:
            read = [row.delivered for row, of in self.rows if of is shard and row.delivered]
            gone = [r for r in shard.records[shard.trimmed :] if all(r.position < position for position in read)]
            sequences = sorted({record.position.sequence for record in gone})
            if shard.name not in self.begun and shard.checkpoint == "TRIM_HORIZON" and len(sequences) > 3:
                oldest = sequences[self.rng.randint(1, 3)]
                shard.trimmed = next(i for i, r in enumerate(shard.records) if r.position.sequence == oldest)

    def _rewind(self) -> None:
        """Set a checkpoint back to any place, as an operator does while the workers are stopped."""
        shard = self.rng.choice(self.shards)
        if shard.done or not shard.ready or not shard.records or shard.trimmed:
            return
        shard.epoch += 1
        for child, of, _ in self.children:
            if of is shard:
                child.throw(GreenletExit)
        former, shard.checkpoint = shard.checkpoint, "TRIM_HORIZON"
        if isinstance(former, Position) and self.rng.random() < 0.7:
            behind = [r.position for r in shard.records if r.position <= former]
            shard.checkpoint = self.rng.choice(behind)

    def _move_lease(self) -> None:
        shard = self.rng.choice(self.shards)
        owned = any(of is shard and epoch == shard.epoch for _, of, epoch in self.children)
        if not shard.ready or shard.done or (owned and self.rng.random() < 0.7):
            return
        shard.epoch += 1
        died = self.rng.random() < 0.5  # otherwise the old child lives on as a zombie
        for child, of, _ in self.children:
            # One that wrote without a checkpoint before its records expired cannot be fenced (docs/guarantee.md).
            if of is shard and (died or (shard.trimmed and self.stores[child].wrote)):
                child.throw(GreenletExit)
        row = LeaseRow(shard, shard.epoch, random.Random(self.rng.random()), lambda: self._ends(shard))
        row.faults = self.faults
        self.rows.append((row, shard))
        child = greenlet(lambda: self._live(shard, row))
        self.stores[child] = FlakyStore(self.store, row.rng)
        self.children.append((child, shard, shard.epoch))

    def _ends(self, shard: Shard) -> set[Position]:
        return {Link.parse(self.store.objects[key][1]).last for key in self.keys(shard)}

    def keys(self, shard: Shard) -> list[str]:
        """Give the keys of a shard's objects."""
        return [key for key in self.store.objects if f".{shard.name}." in key and key.startswith("p/")]

    def _live(self, shard: Shard, row: LeaseRow) -> None:
        with suppress(CheckpointRefused):  # the process exits; its daemon starts another
            self._child(shard, row)

    def _child(self, shard: Shard, row: LeaseRow) -> None:
        rng = row.rng
        processor = self._processor(rng)
        start = shard.checkpoint
        if isinstance(start, Position):
            processor.initialize(shard.name, str(start.sequence), start.sub)
            row.delivered = start
        elif start == SHARD_END:
            return
        else:
            processor.initialize(shard.name, start, 0)
        position = start if isinstance(start, Position) else None
        while True:
            getcurrent().parent.switch()
            waiting = shard.after(position)
            if row.epoch == shard.epoch and rng.random() < 0.03:
                processor.shutdown_requested(row)
                return
            if waiting:
                batch = waiting[: rng.randint(1, 9)]
                position = row.delivered = batch[-1].position
                processor.process_records(batch, 0, row)
            elif shard.closed:
                if row.epoch == shard.epoch:
                    row.ended = True
                    processor.shard_ended(row)
                return
            else:
                processor.process_records([], 0, row)

    def _processor(self, rng: random.Random) -> ShardProcessor:
        store, log = self.stores[getcurrent()], Silent()
        store.begun = self.begun
        store.clock_ms = self.store.clock_ms
        codec = CODECS["gzip"]
        limits = Limits(rng.choice([1, 40, 1000]), rng.choice([2, 5, 100]), rng.choice([0.5, 3.0]))

        def pause(_seconds: float) -> None:
            getcurrent().parent.switch()

        def clock() -> float:
            return self.time

        def pipeline(shard: str, start: Start) -> Pipeline:  # type: ignore[type-arg]
            place = ChainPlace("app", shard, "r:s", Layout("p", "dt=%Y-%m-%d/hour=%H", "s", ".gz"), "w", 24)
            chain = self.variant.chain(store, place, start, log)
            return self.variant.pipeline(
                ChainBatcher(limits, lambda: ObjectWriter(codec, 1)), chain, Patience(pause, clock, log, jitter=rng)
            )

        return self.variant.processor(pipeline, Commits(clock, pause, log, jitter=rng), clock, 5.0, log)
