"""The simulated fleet with a daemon that garbles some elements of its deliveries, always the same ones."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from consumers.envelope import Unreadable, read
from consumers.kcl.processor import ShardProcessor
from consumers.letters.aside import SetAside
from consumers.letters.keys import aside_place
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.reading import Reader
from consumers.letters.store import DeadLetters
from consumers.pipeline import Commit, Pipeline
from consumers.records import Position, Record
from tests.model.fleet import Silent, Simulation, Variant
from tests.model.stream import SHARD_END, Shard
from tests.model.verdict import judge
from tests.support.fake_daemon import wire


def garbled(record: Record) -> bytes | None:
    """Give what the daemon sends for a record, if that is none: with a position or without."""
    if int(record.sequence_number) % 4:
        return None
    if int(record.sequence_number) % 8:
        return json.dumps(wire(record) | {"data": "!"}).encode()
    return b'{"lost":"%s:%d"}' % (record.sequence_number.encode(), record.sub_sequence_number)


class Garbling(ShardProcessor):
    """Is sent what the daemon makes of the records."""

    def process_records(self, records: list[Record], behind_ms: int | None, to: Any, unreadable: Any = ()) -> None:
        delivery = read(garbled(one) or json.dumps(wire(one)).encode() for one in records)
        super().process_records(delivery.records, behind_ms, to, delivery.unreadable)


class _Always:
    def allowed(self, *, stuck: bool = False) -> bool:
        return True


class Keeping(Pipeline):  # type: ignore[type-arg]
    """Sets aside as the archive does."""

    kind = SetAside

    def __init__(self, batcher: Any, chain: Any, patience: Any) -> None:
        letters = DeadLetters(chain._store, aside_place("app"))
        head = LetterHead("s", chain._place.shard, "c", "1", "app")
        super().__init__(batcher, chain, patience, aside=self.kind(letters, head, _Always(), Silent(), chain._after))


class KeepsAfterwards(Keeping):
    """A seeded bug: what can be read goes first."""

    _held: tuple[Any, ...] = ((), 0)

    def set_aside(self, unreadable: Sequence[Unreadable], records: int) -> None:
        self._held = (unreadable, records)

    def offer(self, records: Sequence[Record], now: float, commit: Commit = print, *, caught_up: bool = False) -> None:
        super().offer(records, now, commit, caught_up=caught_up)
        super().set_aside(*self._held)


class _CountsNobody(SetAside):
    def _letters_of(self, new: Any, delivered: Position) -> tuple[list[Letter], Position, int]:
        letters = [letter for one in new for letter in super(_CountsNobody, self)._letters_of([one], delivered)[0]]
        return letters, delivered, 0


class CountsNobody(Keeping):
    """A seeded bug: each is the first behind its record."""

    kind = _CountsNobody


class GarbledSimulation(Simulation):
    """Holds at each checkpoint that nothing before it is nowhere."""

    def __init__(self, seed: int, pipeline: type[Keeping] = Keeping) -> None:
        super().__init__(seed, Variant(pipeline=pipeline, processor=Garbling))
        self._seen: dict[str, Position | str] = {}

    def letters(self) -> list[Letter]:
        """Give each letter once."""
        letters = DeadLetters(self.store, aside_place("app"))
        return [*Reader(letters).distinct(letters.entries())]

    def _turn(self) -> None:
        super()._turn()
        for shard in self.shards:
            if self._seen.get(shard.name) != shard.checkpoint:
                self._seen[shard.name] = shard.checkpoint
                self._passed(shard)

    def _passed(self, shard: Shard) -> None:
        at = shard.checkpoint
        passed = [one for one in shard.records if at == SHARD_END or (isinstance(at, Position) and one.position <= at)]
        kept = {letter.payload for letter in self.letters()}
        self.faults += [f"{one.position} is nowhere" for one in passed if (raw := garbled(one)) and raw not in kept]

    def verdict(self) -> list[str]:
        """Say what is wrong in the end: each element is a record or a letter, once."""
        wanted = Counter(raw for shard in self.shards for one in shard.records if (raw := garbled(one)))
        kept = Counter(letter.payload for letter in self.letters())
        found = [f"{raw!r} is {kept[raw]} letters" for raw in wanted | kept if kept[raw] != wanted[raw]]
        for shard in self.shards:
            shard.records = [one for one in shard.records if not garbled(one)]
        chain = judge(self)
        return [*found, *chain.faults, *([] if chain.clean else [str(chain)])]
