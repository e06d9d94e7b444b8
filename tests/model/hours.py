"""A simulated stream, its reads ahead, its clock and a fleet that declares hours complete: production classes within.

Beyond tests/model/fleet.py, KCL's reading ahead is played (four reads may wait while a child is blocked), the list of
shards may be stale, shards split in the last second of an hour and merge, one worker stalls, and the clock jumps.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from greenlet import GreenletExit, getcurrent, greenlet

from consumers.chain.batcher import ChainBatcher, Limits
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.chain.place import ChainPlace
from consumers.config.consumer import ShardContext
from consumers.hours.hours import Frontier, frontier_key
from consumers.hours.known import WatchPlace
from consumers.hours.lineage import StreamShard
from consumers.hours.manifest import INCOMPLETE, LATE, SUCCESS, Manifest, Note, manifests, revision_in, seals_folder
from consumers.hours.place import HoursPlace
from consumers.hours.reading import Horizon
from consumers.hours.times import hour_of, hour_text
from consumers.hours.watch import ShardWatch
from consumers.kcl.checkpointer import CheckpointRefused, Commits
from consumers.kcl.processor import ShardProcessor
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Patience, Unavailable
from tests.memory_store import MemoryStore
from tests.model.fleet import FlakyStore, Silent
from tests.model.stream import SHARD_END, LeaseRow, Shard

LAYOUT = Layout("p", "dt=%Y-%m-%d/hour=%H", "s", ".gz")
BEGIN_MS = 1_700_000_000_000 - 1_700_000_000_000 % HOUR_MS + HOUR_MS // 2
READS_AHEAD = 4
PREFETCH = 8
HASHES = 1 << 20


@dataclass(frozen=True)
class World:
    """What happens besides splits, merges, stalls and crashes."""

    initial: str = "TRIM_HORIZON"
    retention_h: float = 24.0
    late: bool = False
    deletes: bool = False
    skips: bool = False


@dataclass(eq=False)
class Child:
    """One shard's process, and the reads that wait for it."""

    shard: Shard
    row: LeaseRow
    host: int
    run: greenlet = field(init=False)
    reads: deque[list[Record] | None] = field(default_factory=deque)
    fetched: Position | None = None
    at_end: bool = False


class JudgedStore(MemoryStore):
    """Looks at the whole stream at the moment at which an hour is declared complete."""

    def __init__(self, declared: Callable[[str], None]) -> None:
        super().__init__()
        self.declared = declared

    def put_new(self, key, body, metadata, sha256):  # type: ignore[no-untyped-def]
        new = super().put_new(key, body, metadata, sha256)
        if new and key.endswith(SUCCESS):
            self.declared(key)
        return new


class HoursSimulation:
    """One schedule, drawn from a seed."""

    def __init__(self, seed: int, world: World) -> None:
        self.rng = random.Random(seed)
        self.world = world
        self.store = JudgedStore(self._judge_marker)
        self.now_ms = BEGIN_MS
        lag_ms = self.rng.choice([0, 0, 900, 2_900])  # of the store's clock behind the stream's
        self.store.clock_ms = lambda: self.now_ms - lag_ms
        self.sequence = 10**55
        self.shards: list[Shard] = []
        self.ranges: dict[str, tuple[int, int]] = {}
        self._open((), [(0, HASHES // 2 - 1), (HASHES // 2, HASHES - 1)])
        self.lists = [self._listing()]
        self.children: list[Child] = []
        self.splits = self.rng.randint(0, 3)
        self.grace_ms = self.rng.choice([2_000, 20_000, 60_000])
        self.jitter_ms = self.rng.choice([0, 5, 1_500])
        self.interval_s = self.rng.choice([1.0, 5.0, 60.0])
        self.limits = Limits(1 << 20, self.rng.choice([2, 100]), self.rng.choice([0.5, 20.0]))
        self.stalled: int | None = None
        self.left = 40
        self.faults: list[str] = []
        self.complete: set[int] = set()
        self.put_at: dict[Position, int] = {}
        self.gone: dict[str, Link] = {}
        self.skipped: set[Position] = set()

    # the stream

    def _open(self, parents: tuple[Shard, ...], ranges: list[tuple[int, int]]) -> None:
        for range_ in ranges:
            shard = Shard(f"shardId-{len(self.shards):012d}", parents)
            shard.checkpoint = "TRIM_HORIZON" if parents else self.world.initial
            self.shards.append(shard)
            self.ranges[shard.name] = range_

    def _listing(self) -> list[StreamShard]:
        return [StreamShard(s.name, tuple(p.name for p in s.parents), *self.ranges[s.name]) for s in self.shards]

    def _produce(self) -> None:
        for _ in range(min(self.left, self.rng.randint(1, 4))):
            shard = self.rng.choice([s for s in self.shards if not s.closed])
            self.left -= 1
            self.sequence += self.rng.randint(1, 10**6)
            jitter = self.rng.randint(0, self.jitter_ms)
            if self.world.late and self.rng.random() < 0.1:
                jitter = self.rng.randint(0, HOUR_MS)
            arrival = max(self.now_ms - jitter, BEGIN_MS)
            shard.records.append(Record(b"x", "k", str(self.sequence), arrival, 0))
            self.put_at[Position(self.sequence, 0)] = self.now_ms

    def _reshard(self) -> None:
        self.splits -= 1
        alive = [shard for shard in self.shards if not shard.closed]
        pairs = [(a, b) for a in alive for b in alive if self.ranges[a.name][1] + 1 == self.ranges[b.name][0]]
        if pairs and self.rng.random() < 0.4:
            parents: tuple[Shard, ...] = self.rng.choice(pairs)
            ranges = [(self.ranges[parents[0].name][0], self.ranges[parents[1].name][1])]
        else:
            parents = (self.rng.choice(alive),)
            low, high = self.ranges[parents[0].name]
            ranges = [(low, (low + high) // 2), ((low + high) // 2 + 1, high)]
        for parent in parents:
            parent.closed = True
        self._open(parents, ranges)
        self.lists.append(self._listing())

    def list(self) -> Sequence[StreamShard]:
        """Answer ListShards, now and then as it was some time ago."""
        getcurrent().parent.switch()
        if self.rng.random() < 0.05:
            reason = "throttled"
            raise Unavailable(reason)
        return self.lists[-1] if self.rng.random() < 0.7 or not self.left else self.rng.choice(self.lists)

    def _expire(self, shard: Shard) -> None:
        oldest = self.now_ms - self.world.retention_h * HOUR_MS
        while shard.trimmed < len(shard.records) and shard.records[shard.trimmed].arrival_ms < oldest:
            shard.trimmed += 1

    # time and turns

    def run(self, steps: int = 40_000) -> bool:
        """Play until all hours are decided; False if that does not come."""
        ended = False
        for _ in range(steps):
            self._turn()
            if not self.left and self._decided() and all(self._committed(shard) for shard in self.shards):
                ended = True
                break
        for child in self.children:
            child.run.throw(GreenletExit)
        return ended

    def _decided(self) -> bool:
        found = self.store.objects.get(frontier_key("app", "s"))
        last = max((r.arrival_ms for s in self.shards for r in s.records), default=0)
        return found is not None and msgspec.json.decode(found[0], type=Frontier).next_ms > hour_of(last)

    def _committed(self, shard: Shard) -> bool:
        """Whether everything that can still be read of a shard was committed: what is late was dealt with before."""
        if shard.done or self.world.initial == "LATEST" or not shard.records[shard.trimmed :]:
            return True
        return isinstance(shard.checkpoint, Position) and shard.checkpoint >= shard.records[-1].position

    def _over(self) -> bool:
        """Whether the last hour that holds a record has passed with its grace."""
        last = max((r.arrival_ms for s in self.shards for r in s.records), default=0)
        return self.now_ms > hour_of(last) + HOUR_MS + self.grace_ms

    def _turn(self) -> None:
        dice = self.rng.random()
        if dice < 0.25:
            self._pass_time()
        elif self.left and dice < 0.31:
            self._produce()
        elif self.left and self.splits and dice < 0.33:
            self._reshard()
        elif dice < 0.34 or not self.children:
            self._move_lease()
        elif dice < 0.342 and self.world.deletes and self.left:
            self._delete()
        elif dice < 0.342 and self.world.skips and self.left:
            self._skip()
        elif dice < 0.345 and self.left:
            self.stalled = self.rng.choice([None, 0, 1, 2])
        elif dice < 0.60:
            self._fetch(self.rng.choice(self.children))
        else:
            child = self.rng.choice(self.children)
            zombie = child.row.epoch != child.shard.epoch
            if (child.host == self.stalled and self.left) or (zombie and self.rng.random() < 0.6):
                return
            child.run.switch()
        self.children = [child for child in self.children if not child.run.dead]

    def _pass_time(self) -> None:
        if self.rng.random() < 0.01 and (self.left or not self._over()):
            to_hour = HOUR_MS - self.now_ms % HOUR_MS
            self.now_ms += self.rng.choice([to_hour - 800, to_hour, 600_000, 4 * HOUR_MS])
        elif self.now_ms % HOUR_MS > HOUR_MS - 2_000 and self.splits and self.left:
            self._reshard()  # in the last second of an hour
        self.now_ms += self.rng.choice([20, 200, 1_000, 4_000])

    def _fetch(self, child: Child) -> None:
        if len(child.reads) >= READS_AHEAD or child.at_end or (child.host == self.stalled and self.rng.random() < 0.5):
            return
        self._expire(child.shard)
        waiting = child.shard.after(child.fetched)
        if waiting:
            batch = waiting[: self.rng.randint(1, 5)]
            child.fetched = batch[-1].position
            child.reads.append(batch)
        elif child.shard.closed:
            child.at_end = True
            child.reads.append(None)
        else:
            child.reads.append([])

    def _move_lease(self) -> None:
        shard = self.rng.choice(self.shards)
        owned = any(child.shard is shard and child.row.epoch == shard.epoch for child in self.children)
        if not shard.ready or shard.done or (owned and self.rng.random() < (0.8 if self.left else 1)):
            return
        shard.epoch += 1
        if self.rng.random() < 0.5:  # otherwise the old child lives on as a zombie
            for child in self.children:
                if child.shard is shard:
                    child.run.throw(GreenletExit)
        row = LeaseRow(shard, shard.epoch, random.Random(self.rng.random()), lambda: self._ends(shard))
        row.faults = self.faults
        child = Child(shard, row, self.rng.randrange(3))
        if isinstance(shard.checkpoint, Position):
            child.fetched = row.delivered = shard.checkpoint
        elif shard.checkpoint == "LATEST" and shard.records:
            child.fetched = shard.records[-1].position
        child.run = greenlet(lambda: self._live(child, shard.checkpoint))
        self.children.append(child)

    def _ends(self, shard: Shard) -> set[Position]:
        return {link.last for link in (*self.links(shard), *self.gone.values()) if link.shard == shard.name}

    # what operators do

    def _delete(self) -> None:
        """Delete an object of an hour that its shard has not sealed."""
        open_ones = []
        for shard in self.shards:
            for link in self.links(shard):
                key = LAYOUT.key(shard.name, link.first, link.first_arrival_ms)
                folder = seals_folder("app", "s", hour_of(link.first_arrival_ms))
                if not any(at.startswith(f"{folder}{shard.name}.") for at in self.store.objects):
                    open_ones.append((key, link))
        if open_ones:
            key, link = self.rng.choice(open_ones)
            self.gone[key] = link
            self.store.remove(key)

    def _skip(self) -> None:
        """Set a checkpoint forward, while no worker of the shard runs."""
        shard = self.rng.choice(self.shards)
        if shard.done or not shard.ready or not isinstance(shard.checkpoint, Position):
            return
        ahead = [record.position for record in shard.after(shard.checkpoint)]
        if not ahead:
            return
        for child in self.children:
            if child.shard is shard:
                child.run.throw(GreenletExit)
        to = self.rng.choice(ahead)
        self.skipped |= {position for position in ahead if position <= to}
        shard.epoch += 1
        shard.checkpoint = to

    def links(self, shard: Shard) -> Iterator[Link]:
        """Give the links that stand of a shard."""
        scan = f"/s.{shard.name}."
        return (Link.parse(of[1]) for key, of in self.store.objects.items() if key.startswith("p/") and scan in key)

    # a process

    def _live(self, child: Child, start: Position | str) -> None:
        with suppress(CheckpointRefused):  # the process exits; its daemon starts another
            self._serve(child, start)

    def _serve(self, child: Child, start: Position | str) -> None:
        processor = self._processor(child.row.rng)
        if start == SHARD_END:
            return
        at = (str(start.sequence), start.sub) if isinstance(start, Position) else (start, 0)
        processor.initialize(child.shard.name, *at)
        while True:
            getcurrent().parent.switch()
            if child.row.epoch == child.shard.epoch and child.row.rng.random() < 0.005:
                processor.shutdown_requested(child.row)
                return
            if not child.reads:
                continue
            batch = child.reads.popleft()
            if batch is None:
                if child.row.epoch == child.shard.epoch:
                    child.row.ended = True
                    processor.shard_ended(child.row)
                return
            if batch:
                child.row.delivered = batch[-1].position
            processor.process_records(batch, 0, child.row)

    def _processor(self, rng: random.Random) -> ShardProcessor:
        store, log = FlakyStore(self.store, rng), Silent()
        store.clock_ms = self.store.clock_ms
        codec = CODECS["gzip"]
        retention_ms = int(self.world.retention_h * HOUR_MS)
        hours = HoursPlace("app", "r:s", LAYOUT, self.grace_ms, retention_ms)
        place = WatchPlace(hours, Horizon(PREFETCH, retention_ms), "w", self.interval_s)

        def pause(_seconds: float) -> None:
            getcurrent().parent.switch()

        def clock() -> float:
            return self.now_ms / 1000

        def pipeline(shard: str, start: Start) -> Pipeline:  # type: ignore[type-arg]
            patience = Patience(pause, clock, log, jitter=rng)
            watch = ShardWatch(store, self, place, ShardContext(shard, start, patience, log))
            chain = Chain(store, ChainPlace("app", shard, "r:s", LAYOUT, "w", 24), start, log, watch)
            return Pipeline(ChainBatcher(self.limits, lambda: ObjectWriter(codec, 1)), chain, patience, watch)

        return ShardProcessor(pipeline, Commits(clock, pause, log, jitter=rng), clock, 5.0, log)

    # the verdict

    def _judge_marker(self, key: str) -> None:
        hours = range(hour_of(BEGIN_MS), self.now_ms + HOUR_MS, HOUR_MS)
        hour = next(ms for ms in hours if key == f"{LAYOUT.folder(ms)}{SUCCESS}")
        self.complete.add(hour)
        told = self._listed(hour)  # what was deleted after it was sealed is for an audit to find
        for shard in self.shards:
            links = [*self.links(shard), *(link for key, link in self.gone.items() if key in told)]
            stands = [(link.first, link.last) for link in links if link.count and link.shard == shard.name]
            for record in shard.records:
                if hour_of(record.arrival_ms) != hour or any(a <= record.position <= b for a, b in stands):
                    continue
                if not self._came_late(record, hour):
                    self.faults.append(f"{hour_text(hour)} was complete before {shard.name} {record.position}")

    def _listed(self, hour: int) -> set[str]:
        last = max((k for k in self.store.objects if k.startswith(manifests(LAYOUT, hour))), key=revision_in)
        manifest = msgspec.json.decode(self.store.objects[last][0], type=Manifest)
        return {one.key for part in manifest.shards for one in part.objects}

    def _came_late(self, record: Record, hour: int) -> bool:
        """Whether the record came so long after its hour that nobody could have waited for it."""
        return self.world.late and self.put_at[record.position] >= hour + HOUR_MS + self.grace_ms

    def _chain_faults(self, shard: Shard) -> Iterator[str]:
        links = sorted(self.links(shard), key=lambda link: link.first)
        for before, link in pairwise(links):
            rewritten = LAYOUT.key(shard.name, before.first, before.first_arrival_ms) in self.gone  # and cut elsewhere
            if link.first <= before.last and not rewritten:
                yield f"{shard.name} doubled at {link.first}"
        gone = [(link.first, link.last) for link in self.gone.values() if link.shard == shard.name]
        for record in shard.records[shard.trimmed :]:
            if record.position in self.skipped or any(a <= record.position <= b for a, b in gone):
                continue
            if not any(link.first <= record.position <= link.last and link.count for link in links):
                yield f"{shard.name} lost {record.position}"

    def judge(self) -> Sequence[str]:
        """Say what is wrong with what stands at the end."""
        faults = list(self.faults)
        if self.world.initial == "TRIM_HORIZON" and self.world.retention_h >= 24:  # elsewhere see docs/guarantee.md
            faults += [fault for shard in self.shards for fault in self._chain_faults(shard)]
        for hour in self.complete:
            folder = LAYOUT.folder(hour)
            last = max((k for k in self.store.objects if k.startswith(manifests(LAYOUT, hour))), key=revision_in)
            manifest = msgspec.json.decode(self.store.objects[last][0], type=Manifest)
            listed = self._listed(hour) - (self.gone.keys() - self.store.objects.keys())
            standing = {key for key in self.store.objects if key.startswith(f"{folder}s.")}
            if listed != standing:
                faults.append(f"{hour_text(hour)}: {last} lists {len(listed)} objects of {len(standing)}")
            late = self.store.objects.get(f"{folder}{LATE}")
            said = msgspec.json.decode(late[0], type=Note).revision if late else 1
            if said != manifest.revision:
                faults.append(f"{hour_text(hour)}: {manifest.revision} revisions, and _LATE speaks of {said}")
            if f"{folder}{INCOMPLETE}" in self.store.objects:
                faults.append(f"{hour_text(hour)} is complete and incomplete")
        return faults
