"""The stage as it is built for a shard, over stores in memory that can be stopped at each call."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from consumers import redshift_stage
from consumers.chain.layout import position_in
from consumers.chain.link import Link
from consumers.config.consumer import ShardContext
from consumers.config.settings import Settings, load
from consumers.hours.lineage import StreamShard
from consumers.letters.keys import LetterPlace
from consumers.letters.letter import Letter
from consumers.letters.reading import Reader
from consumers.letters.store import DeadLetters
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.registry import CONSUMERS
from consumers.waiting import Patience
from tests.memory_store import MemoryStore

SHARD = "shardId-000000000000"
ARRIVED_MS = 1_764_500_000_000
TABLE = """
version = 1
name = "events"

[[columns]]
name = "seq"
from = "$sequence"
type = "varchar(64)"
null = false

[[columns]]
name = "sub"
from = "$sub"
type = "bigint"
null = false

[[columns]]
name = "amount"
type = "smallint"
null = false
"""


class Stopped(BaseException):
    """The process is gone."""


class StoppableStore(MemoryStore):
    """Stops its process at one of its calls, before or after the effect, and keeps a list of the calls."""

    def __init__(self, inner: MemoryStore, world: "World") -> None:
        self._inner, self._world = inner, world
        self.objects, self.clock_ms = inner.objects, inner.clock_ms

    def _do(self, name: str, key: str, call: Callable[[], Any]) -> Any:
        return self._world.at(f"{name} {key}", call)

    def put_new(self, key, body, metadata, sha256):  # type: ignore[no-untyped-def]
        return self._do("put", key, lambda: self._inner.put_new(key, body, metadata, sha256))

    def swap(self, key, body, version):  # type: ignore[no-untyped-def]
        return self._do("swap", key, lambda: self._inner.swap(key, body, version))

    def metadata(self, key):  # type: ignore[no-untyped-def]
        return self._do("head", key, lambda: self._inner.metadata(key))

    def find(self, key):  # type: ignore[no-untyped-def]
        return self._do("get", key, lambda: self._inner.find(key))

    def list(self, prefix):  # type: ignore[no-untyped-def]
        return iter(self._do("list", prefix, lambda: [*self._inner.list(prefix)]))


class Shards:
    """The stream has one shard."""

    def list(self) -> list[StreamShard]:
        return [StreamShard(SHARD, (), 0, (1 << 128) - 1)]


@dataclass
class Heard:
    """A log that a test reads."""

    lines: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))

    def of(self, event: str) -> list[dict[str, object]]:
        return [fields for _, name, fields in self.lines if name == event]


class World:
    """One shard, its staging area, its dead letters and its checkpoint.

    `calls` are those of stores, and each commit; `number` counts those of stores alone.
    """

    def __init__(self, folder: Path, table: str = TABLE, **keys: object) -> None:
        self.folder = folder
        self.store, self.graves = MemoryStore(), MemoryStore()
        self.store.clock_ms = self.graves.clock_ms = lambda: ARRIVED_MS + 60_000
        self.checkpoint: Position | None = None
        self.ended = False
        self.heard = Heard()
        self.calls: list[str] = []
        self.number = 0
        self.before: dict[int, Callable[[], None]] = {}
        self.after: dict[int, Callable[[], None]] = {}
        self.pause: Callable[[], None] = _never
        self.keys: dict[str, object] = {
            "consumer": "redshift_stage",
            "streamName": "events",
            "applicationName": "app",
            "regionName": "us-east-1",
            "redshift.bucket": "staging",
            "redshift.region": "us-east-1",
            "redshift.host": "localhost",
            "redshift.cluster": "cluster",
            "redshift.maxRecords": 3,
            "redshift.pauseRecords": 1_000_000,
            "redshift.deadLetters.bucket": "dead",
            "redshift.deadLetters.region": "us-east-1",
        }
        self.settings = self.write(table, **keys)

    def write(self, table: str, **keys: object) -> Settings:
        """Write the files anew, and give what they say; a process that runs keeps its own."""
        path = self.folder / f"table-{len([*self.folder.iterdir()])}.toml"
        path.write_text(table)
        self.keys |= {"redshift.table": path, **{f"redshift.{key}": value for key, value in keys.items()}}
        properties = self.folder / "redshift_stage.properties"
        properties.write_text("".join(f"{key} = {value}\n" for key, value in self.keys.items()))
        self.settings = load(properties, CONSUMERS)
        return self.settings

    def at(self, name: str, call: Callable[[], Any]) -> Any:
        """Do a call, and what is to happen before or after the one of this number."""
        self.calls.append(name)
        self.number += 1
        number = self.number
        if act := self.before.pop(number, None):
            act()
        result = call()
        if act := self.after.pop(number, None):
            act()
        return result

    def stop_at(self, number: int, when: str) -> None:
        """Let the process end at its call of this number."""
        (self.before if when == "before" else self.after)[number] = _stop

    def process(self, settings: Settings | None = None) -> Pipeline[Any]:
        """Begin a process at the checkpoint."""
        start = Start(self.checkpoint, None if self.checkpoint else "TRIM_HORIZON")
        patience = Patience(lambda _: self.pause(), lambda: 0.0, self.heard)
        with self.stores():
            build = redshift_stage.REDSHIFT_STAGE.build(settings or self.settings)
            pipeline: Pipeline[Any] = build(ShardContext(SHARD, start, patience, self.heard))
        return pipeline

    def run(
        self, run: Sequence[Record], settings: Settings | None = None, *, size: int = 4, holds: bool = True
    ) -> None:
        """Live through a process, to the end of the shard. One that no longer `holds` the lease commits nothing."""
        left = [record for record in run if self.checkpoint is None or record.position > self.checkpoint]
        pipeline = self.process(settings)

        def commit(position: Position | None) -> None:
            if holds and position and position != self.checkpoint:
                self.checkpoint = position
                self.calls.append("commit")

        for at in range(0, len(left), size):
            pipeline.offer(left[at : at + size], 0, commit)
            commit(pipeline.durable)
            pipeline.settle()
        pipeline.end(0)
        commit(pipeline.durable)
        self.ended = True

    def redrive(self, run: Sequence[Record]) -> Sequence[Letter]:
        with self.stores():
            make = redshift_stage.REDSHIFT_STAGE.redrive
            assert make
            return make(self.settings)(SHARD, run)

    def stores(self) -> Any:
        """Put the stores in memory in the place of buckets."""
        return patch.multiple(
            redshift_stage,
            store_of=lambda _section: StoppableStore(self.store, self),
            letter_store=lambda *_: StoppableStore(self.graves, self),
            shards_of=lambda _settings: Shards(),
        )

    def staged(self) -> dict[str, bytes]:
        """The objects that a loader copies."""
        return {key: body for key, (body, _) in self.store.objects.items() if position_in(key) or ".row." in key}

    def links(self) -> list[Link]:
        """The chain, in its order."""
        found = [Link.parse(self.store.objects[key][1]) for key in self.staged() if position_in(key)]
        return sorted(found, key=lambda link: link.first)

    def rows(self) -> Counter[Position]:
        """How often each record is a row."""
        lines = [json.loads(line) for body in self.staged().values() for line in gzip.decompress(body).splitlines()]
        return Counter(Position(int(line["seq"]), line["sub"]) for line in lines)

    def letters(self) -> list[Letter]:
        """Each dead letter once."""
        letters = DeadLetters(self.graves, LetterPlace("dead-letters", "app"))
        reader = Reader(letters)
        found = [*reader.distinct(letters.entries())]
        assert not reader.damaged
        return found

    def faults(self, run: Sequence[Record], bad: Callable[[Record], bool]) -> list[str]:
        """Say what is wrong, if everything was to be staged: each a row or a letter, once."""
        rows, dead = self.rows(), {letter.position for letter in self.letters()}
        wanted = {record.position for record in run if not bad(record)}
        refused = {record.position for record in run if bad(record)}
        found = [f"{position} is {count} rows" for position, count in rows.items() if count != 1]
        found += [f"{position} is no row" for position in wanted - rows.keys()]
        found += [f"{position} is a row" for position in rows.keys() - wanted]
        found += [f"{position} has no letter" for position in refused - dead]
        return [*found, *(f"{position} has a letter" for position in dead - refused)]

    def fateless(self, run: Sequence[Record]) -> list[Position]:
        """Records that the checkpoint has passed, and that are neither row nor dead letter."""
        known = {*self.rows(), *(letter.position for letter in self.letters())}
        passed = [record.position for record in run if self.checkpoint and record.position <= self.checkpoint]
        return [position for position in passed if position not in known]


def records(amounts: Sequence[object], first: int = 1) -> list[Record]:
    """Make a record of each amount; three share a sequence number."""
    return [
        Record(
            json.dumps({"amount": amount}).encode(), "key", str(10**20 + number // 3), ARRIVED_MS + number, number % 3
        )
        for number, amount in enumerate(amounts, first)
    ]


def amount_of(record: Record) -> object:
    return json.loads(record.payload)["amount"]


def _stop() -> None:
    raise Stopped


def _never() -> None:
    message = "nothing here is waited for"
    raise AssertionError(message)
