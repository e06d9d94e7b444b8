"""Writes an archive whose hours are decided, by the production classes of a shard's process."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from consumers.chain.batcher import ChainBatcher, Limits, ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout
from consumers.chain.place import ChainPlace
from consumers.chain.store import ObjectStore
from consumers.config.consumer import ShardContext
from consumers.hours.known import WatchPlace
from consumers.hours.lineage import StreamShard
from consumers.hours.place import HoursPlace
from consumers.hours.reading import Horizon
from consumers.hours.times import hour_of
from consumers.hours.watch import ShardWatch
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter, Place
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import HOUR_MS, Position, Record
from consumers.waiting import Patience
from tests.model.fleet import Silent
from tests.support.servers import KEYS

SHARD = "shardId-000000000000"
PREFETCH = 8


class Said(Silent):
    """A log that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    warning = error = info

    def of(self, event: str) -> list[dict[str, object]]:
        """Give what was said of an event."""
        return [fields for name, fields in self.events if name == event]


@dataclass
class OneShard:
    """A shard's process over a store, whose stream has the given shards."""

    store: ObjectStore
    compression: str = "gzip"
    index: Place = "inside"
    shard: str = SHARD
    stream: str = "events"
    start: Start = field(default_factory=lambda: Start(None, "TRIM_HORIZON"))
    shards: Sequence[StreamShard] = (StreamShard(SHARD, (), 0, 2**128 - 1),)
    log: Said = field(default_factory=Said)
    committed: Position | None = None
    now: float = 0.0
    deadline: float = math.inf

    def __post_init__(self) -> None:
        codec = CODECS[self.compression]
        layout = Layout("raw", "dt=%Y-%m-%d/hour=%H", self.stream, codec.extension)
        identity = f"{KEYS['AWS_DEFAULT_REGION']}:{self.stream}"
        self.hours = HoursPlace("app", identity, layout, 60_000, 24 * HOUR_MS)
        patience = Patience(self._pause, lambda: self.now, self.log)
        context = ShardContext(self.shard, self.start, patience, self.log)
        place = WatchPlace(self.hours, Horizon(PREFETCH, 24 * HOUR_MS), "w", 1.0)
        self.watch = ShardWatch(self.store, self, place, context)
        chain_place = ChainPlace("app", self.shard, identity, layout, "w", 24)
        chain = Chain(self.store, chain_place, self.start, self.log, self.watch)
        batcher = ChainBatcher(Limits(1 << 20, 5, 60), lambda: ObjectWriter(codec, codec.default_level, self.index))
        self.pipeline: Pipeline[ObjectBatch] = Pipeline(batcher, chain, patience, self.watch)

    def list(self) -> Sequence[StreamShard]:
        """Answer ListShards."""
        return self.shards

    def deliver(self, records: Sequence[Record], *, caught_up: bool = True) -> None:
        """Deliver records, and let a minute pass, so that all of them are written at the next delivery."""
        self.pipeline.offer(records, self.now, self._commit, caught_up=caught_up)
        self.pipeline.settle()
        self.now += 61

    def idle(self, deliveries: int = 2 * PREFETCH) -> None:
        """Deliver nothing so often that the shard is known to have caught up."""
        for _ in range(deliveries):
            self.deliver([])

    def _commit(self, position: Position) -> None:
        self.committed = position

    def _pause(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self.deadline:
            raise TimeoutError


def past_records(hours: int = 3, each: int = 20) -> list[Record]:
    """Make records that arrived in whole hours before the present one, the last of them some hours ago."""
    begin = hour_of(int(time.time() * 1000)) - (hours + 2) * HOUR_MS
    step = HOUR_MS // each
    return [
        Record(b'{"n": %d}' % n, f"key-{n}", str(10**55 + n * 7), begin + n * step + 11, 0) for n in range(hours * each)
    ]
