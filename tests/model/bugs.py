"""Seeded bugs: each must be found by the model, or the model proves nothing."""

from typing import Any

from consumers.chain.batcher import ObjectBatch
from consumers.chain.chain import Chain
from consumers.kcl.processor import ShardProcessor
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from tests.memory_store import MemoryStore
from tests.model.fleet import Variant


class CheckpointsBeforeItWrites(Pipeline[Any]):
    """Calls everything delivered durable."""

    @property
    def durable(self) -> Position | None:
        return self._delivered


class ChecksInsideAnObject(Pipeline[Any]):
    """After an adoption it commits what was delivered, though the object ends later."""

    @property
    def durable(self) -> Position | None:
        if self._covered is None or self._delivered is None:
            return None
        return min(self._covered, self._delivered)


class TakesEveryConflictForItsOwn(Chain):
    """Reads a refused write as its own write with a lost answer."""

    def write(self, batch: ObjectBatch) -> Position:
        super().write(batch)
        return batch.last


class Unconditional(MemoryStore):
    """Ignores the condition."""

    def put_new(self, key: str, body: bytes, metadata: Any, sha256: bytes) -> bool:
        self.objects[key] = (body, dict(metadata))
        return True


class Swallows(ShardProcessor):
    """Does what kclpy does with an exception: goes on as if nothing had happened."""

    def process_records(self, records: list[Record], behind_ms: int | None, to: Any, unreadable: Any = ()) -> None:
        try:
            if records and self._commits.jitter.random() < 0.05:
                message = "a bug"
                raise ValueError(message)
            super().process_records(records, behind_ms, to, unreadable)
        except ValueError:
            pass


class DoesNotLookBeforeItStarts(Chain):
    """Trusts that its checkpoint is the end of an object, and that nothing stands ahead."""

    def _stands(self, layout: Any, first: Record) -> list[tuple[Position, str]]:
        return []


class LeavesTheOriginOpen(Chain):
    """Does not fence the range before a repeated first start."""

    def _fence(self, origin: Any, first: Record) -> Position | None:
        return None


BUGS = {
    "checkpoint_before_write": Variant(pipeline=CheckpointsBeforeItWrites),
    "checkpoint_inside_an_object": Variant(pipeline=ChecksInsideAnObject),
    "conflict_taken_for_ones_own": Variant(chain=TakesEveryConflictForItsOwn),
    "no_condition_on_the_put": Variant(store=Unconditional),
    "swallowed_exception": Variant(processor=Swallows),
    "no_look_before_the_start": Variant(chain=DoesNotLookBeforeItStarts),
    "origin_left_open": Variant(chain=LeavesTheOriginOpen),
}
