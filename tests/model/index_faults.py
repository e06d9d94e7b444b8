"""What a simulated process of the index sees of the world: a server, a bucket and a lease that yield and fail."""

import random
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from amazon_kclpy.checkpoint_error import CheckpointError
from greenlet import getcurrent

from consumers.chain.store import STATE_PREFIX, Entry, Found
from consumers.letters.letter import letters_in, unpacked
from consumers.records import Position
from consumers.search.names import MARGIN_MS
from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable
from tests.memory_store import MemoryStore
from tests.model.stream import SHARD_END, Shard
from tests.search.fake_server import FakeServer

APPLICATION = "app"
NAMES = f"{STATE_PREFIX}/{APPLICATION}/index-names.json"
APART_MS = MARGIN_MS * 2 // 5
"""How far the clocks are apart, and how late a process may be with its word, at the most."""

FAULTS = ("unreached", "late", "lost", "lost", "short", "html", "errors_lie", "401", "413", "429", "503")


class World(Protocol):
    """What all processes share. `late` are requests whose senders gave up; `dead` are positions of dead letters."""

    now_ms: int
    calm: bool
    shard: Shard
    store: MemoryStore
    server: FakeServer
    late: list[Callable[[], object]]
    dead: set[Position]
    faults: list[str]

    def told(self, fault: str) -> Any: ...
    def undone(self, last: Position | None) -> list[Position]: ...


def step() -> None:
    """Yield to the scheduler; a process outside it goes on."""
    if getcurrent().parent is not None:
        getcurrent().parent.switch()


class FlakyServer:
    """Yields to the scheduler around each request, which may fail in each way."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng

    def ask(self, method: str, path: str, body: bytes = b"", **more: Any) -> Answer:
        step()
        fault = self._rng.choice(FAULTS) if not self._world.calm and self._rng.random() < 0.25 else ""
        if fault == "unreached":
            raise Unavailable("no connection")
        if fault == "late":  # its sender is gone; the server has it still
            self._world.late.append(lambda: self._world.server.ask(method, path, body, **more))
            raise NoAnswer("timed out")
        self._world.server.faults = self._world.told(fault)
        answer = self._world.server.ask(method, path, body, **more)
        step()
        return answer


class FlakyStore(MemoryStore):
    """Yields to the scheduler around each effect, and now and then fails before it or loses the answer."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._inner = world.store
        self.objects = world.store.objects
        self.clock_ms = world.store.clock_ms
        self._looked_ms = 0

    def _do(self, call: Callable[[], Any]) -> Any:
        step()
        if not self._world.calm and self._rng.random() < 0.08:
            raise Unavailable("down")
        result = call()
        step()
        if not self._world.calm and self._rng.random() < 0.08:
            raise Unavailable("the answer was lost")
        return result

    def _in_time(self, key: str) -> None:
        """Let no word about names come later than the margin allows: the design says so."""
        if key == NAMES and self._world.now_ms - self._looked_ms > APART_MS:
            raise Unavailable("timed out")

    def put_new(self, key: str, body: bytes, metadata: Any, sha256: bytes) -> bool:
        def put() -> bool:
            self._in_time(key)
            if not key.startswith(STATE_PREFIX):
                self._world.dead |= {letter.position for letter in letters_in(unpacked(body))}
            return self._inner.put_new(key, body, metadata, sha256)

        return bool(self._do(put))

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        def put() -> str | None:
            self._in_time(key)
            return self._inner.swap(key, body, version)

        return self._do(put)  # type: ignore[no-any-return]

    def find(self, key: str) -> Found | None:
        self._looked_ms = self._world.now_ms
        return self._do(lambda: self._inner.find(key))  # type: ignore[no-any-return]

    def list(self, prefix: str) -> Iterator[Entry]:
        return self._inner.list(prefix)


class Lease:
    """What a process sees of the lease table, which looks at each checkpoint whether it is true."""

    def __init__(self, world: World, epoch: int, rng: random.Random) -> None:
        self.world, self.epoch, self.rng = world, epoch, rng
        self.delivered: Position | None = None

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        step()
        shard = self.world.shard
        if self.epoch != shard.epoch:
            raise CheckpointError("ShutdownException")
        if self.rng.random() < 0.05:
            raise CheckpointError("ThrottlingException")
        position = Position(int(sequence_number), int(sub_sequence_number or 0)) if sequence_number else None
        if position and (self.delivered is None or position > self.delivered):
            raise CheckpointError("IllegalArgumentException")
        shard.checkpoint = position or SHARD_END
        for undone in self.world.undone(position):
            self.world.faults.append(f"checkpoint: {position} is ahead of {undone}")
        step()
