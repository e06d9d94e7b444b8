"""One shard, a destination, its dead letters and its checkpoint: the consumer's own pipeline, ended at any step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from consumers.concern import Destination, declaration
from consumers.concern.sink import OutboxSink
from consumers.config.consumer import Consumer, ShardContext
from consumers.config.settings import Settings, load
from consumers.letters.letter import Letter
from consumers.letters.reading import Reader
from consumers.letters.settings import dead_letters
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.waiting import Patience
from tests.memory_store import MemoryStore
from tests.support.hours import Said

SHARD = "shardId-000000000000"
ARRIVED_MS = 1_764_500_000_000
DELIVERY = 4


class Place(Protocol):
    """What the kit must know of a destination that is tried.

    `once`: a record that is delivered twice is held once. `refused` is a payload that the destination refuses until
    `accept` was called, which returns the keys that must change for it.
    """

    keys: Mapping[str, object]
    once: bool
    refused: bytes

    @property
    def consumer(self) -> Consumer:
        """The consumer that is tried."""
        ...

    def connect(self, settings: Any, /) -> Destination[Any]:
        """Open its destination."""
        ...

    def held(self) -> Sequence[tuple[str, str, bytes]]:
        """Return shard, position and payload of everything that the destination holds, doubles too."""
        ...

    def away(self) -> AbstractContextManager[None]:
        """Let the destination accept nothing within the block."""
        ...

    def accept(self) -> Mapping[str, object]:
        """Let the destination accept from now on what it refused."""
        ...


class Ended(BaseException):
    """The process ends here, as by SIGKILL."""


@dataclass
class World:
    """What outlives a process, and what a process is made of. `calls` are the steps at which one may end."""

    place: Place
    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    log: Said = field(default_factory=Said)
    checkpoint: Position | None = None
    calls: list[str] = field(default_factory=list)
    end_before: int = 0
    end_after: int = 0
    paused: Callable[[], None] = lambda: None

    def settings(self, **changes: object) -> Settings:
        """Read a properties file of the consumer."""
        section = self.place.consumer.section
        keys = {
            "consumer": self.place.consumer.name,
            "streamName": "events",
            "applicationName": "app",
            "regionName": "us-east-1",
            f"{section}.maxRecords": 3,
            f"{section}.pauseRecords": 1_000_000,
            f"{section}.deadLetters.bucket": "dead",
            f"{section}.deadLetters.region": "us-east-1",
            **{f"{section}.{key}": value for key, value in {**self.place.keys, **changes}.items()},
        }
        file = self.folder / "consumer.properties"
        file.write_text("".join(f"{key} = {value}\n" for key, value in keys.items()))
        return load(file, {self.place.consumer.name: self.place.consumer}, environment={})

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """Do a step of a process, unless it ends before it or after it."""
        self.calls.append(name)
        if len(self.calls) == self.end_before:
            raise Ended
        result = call()
        if len(self.calls) == self.end_after:
            raise Ended
        return result

    def process(self, settings: Settings | None = None) -> Pipeline[Any]:
        """Begin a process at the checkpoint."""
        start = Start(self.checkpoint, None if self.checkpoint else "TRIM_HORIZON")
        patience = Patience(lambda _seconds: self.paused(), lambda: 0.0, self.log)
        with patch.object(declaration, "letter_store", lambda *_: self.store), self._stepping():
            pipeline: Pipeline[Any] = self.place.consumer.build(settings or self.settings())(
                ShardContext(SHARD, start, patience, self.log)
            )
        return pipeline

    @contextmanager
    def _stepping(self) -> Iterator[None]:
        """Make each call to the destination, and each put of letters, a step."""
        make, world = OutboxSink, self

        def stepping(deliver: Callable[[Any], None], letters: Any, *rest: Any) -> OutboxSink[Any]:
            put = letters.put
            letters.put = lambda some: world.step("letters", lambda: put(some))
            return make(lambda outbox: world.step("deliver", lambda: deliver(outbox)), letters, *rest)

        with patch.object(declaration, "OutboxSink", stepping):
            yield

    def run(self, records: Sequence[Record], *, holds: bool = True) -> None:
        """Live through a process, to the end of the shard. One that no longer `holds` the lease commits nothing."""
        left = [record for record in records if self.checkpoint is None or record.position > self.checkpoint]
        pipeline = self.process()

        def commit(position: Position | None) -> None:
            if holds and position and position != self.checkpoint:
                self.checkpoint = self.step("commit", lambda: position)

        for at in range(0, len(left), DELIVERY):
            pipeline.offer(left[at : at + DELIVERY], 0, commit)
            commit(pipeline.durable)
        pipeline.end(0)
        commit(pipeline.durable)

    def letters(self) -> list[Letter]:
        """Read the dead letters, each position once."""
        letters = dead_letters(self.settings().section, self.store, "app")  # type: ignore[arg-type]
        return list(Reader(letters).distinct(letters.entries()))

    def destination(self) -> Destination[Any]:
        """Open the destination by itself."""
        return self.place.connect(self.settings().section)

    def redrive(self, records: Sequence[Record], **changes: object) -> Sequence[Letter]:
        """Put records through again, as a command does."""
        make = self.place.consumer.redrive
        assert make
        return make(self.settings(**changes))(SHARD, records)


def record(number: int, payload: bytes = b"", key: str | None = "k") -> Record:
    """Make the record of a number."""
    return Record(payload or b'{"n": %d}' % number, key, str(10**55 + number), ARRIVED_MS + number, 0)
