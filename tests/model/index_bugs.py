"""Seeded bugs of the index: each must turn the invariant red that it is named with, or the model proves nothing."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest.mock import patch

from consumers.letters.letter import Letter
from consumers.letters.rejecting import letters_of
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS, Position
from consumers.search import answers, bulk, names
from consumers.search.answers import Busy
from consumers.search.batch import IndexBatch
from consumers.search.bulk import Bulk
from consumers.search.indexer import Indexer
from consumers.search.items import Item, Outcome, outcome_of
from consumers.search.judge import Judge
from consumers.search.names import IndexNames, Name
from consumers.search.server import NoAnswer
from tests.model.bugs import CheckpointsBeforeItWrites
from tests.model.index import Variant

Invariant = Literal["lost", "doubled", "buried", "checkpoint", "replay"]


class RandomIds(Judge):
    """Names each document anew."""

    def _head_of(self, hour: int) -> bytes:
        return super()._head_of(hour) + uuid.uuid4().hex.encode()


class WallClock(IndexNames):
    """Names indices by the time at which they are written."""

    def of(self, hour: int) -> str:
        return super().of(hour)[:2] + str(self._store.now_ms() // HOUR_MS)


class ConfiguredNameWins(IndexNames):
    """Lets a changed name take effect at once, for all hours."""

    def of(self, hour: int) -> str:
        return Name(0, self._template).at(hour)


class ReturnsBeforeItsLetters(Indexer):
    """Puts a batch's letters with the next batch, so that the checkpoint need not wait."""

    late: Sequence[Letter] = ()

    def write(self, batch: IndexBatch) -> Position:
        self.letters.put(self.late)
        self.bulk.send(batch)
        self.late = letters_of(self.head, batch.dead())
        return batch.last


class LettersInMemory(DeadLetters):
    """Gathers letters until they are worth an object."""

    def put(self, letters: Sequence[Letter]) -> None:
        self.held = [*getattr(self, "held", ()), *letters]
        if len(self.held) > 3:
            super().put(self.held)
            self.held = []


def unanswered_is_done(self: Bulk, entries: Any) -> Any:
    """Take a request without an answer for done."""
    try:
        return request(self, entries)
    except Busy:
        raise
    except NoAnswer:
        for entry in entries:
            entry.outcome = Outcome.INDEXED
        return []


request = Bulk._request


def taking(one: Outcome, other: Outcome) -> AbstractContextManager[Any]:
    """Take one outcome of an item for another."""

    def wrong(item: Item) -> Outcome:
        found = outcome_of(item)
        return other if found is one else found

    return patch.object(bulk, "outcome_of", wrong)


@dataclass
class Bug:
    """A bug, and the invariant that it breaks."""

    breaks: Invariant
    variant: Variant = field(default_factory=Variant)
    patched: AbstractContextManager[Any] = field(default_factory=nullcontext)


BUGS = {
    "ids_not_deterministic": Bug("doubled", Variant(judge=RandomIds)),
    "index_named_by_the_wall_clock": Bug("doubled", Variant(names=WallClock)),
    "configured_name_wins": Bug("doubled", Variant(names=ConfiguredNameWins)),
    "name_change_applied_at_once": Bug("doubled", patched=patch.object(names, "MARGIN_MS", -HOUR_MS)),
    "checkpoint_before_the_write": Bug("checkpoint", Variant(pipeline=CheckpointsBeforeItWrites)),
    "checkpoint_before_the_letters": Bug("checkpoint", Variant(indexer=ReturnsBeforeItsLetters)),
    "letters_lost_on_a_crash": Bug("lost", Variant(letters=LettersInMemory)),
    "items_429_dropped": Bug("lost", patched=taking(Outcome.AGAIN, Outcome.INDEXED)),
    "conflict_taken_for_rejected": Bug("buried", patched=taking(Outcome.DUPLICATE, Outcome.REJECTED)),
    "no_answer_taken_for_done": Bug("lost", patched=patch.object(Bulk, "_request", unanswered_is_done)),
    "errors_false_is_trusted": Bug(
        "lost", patched=patch.object(answers, "_all_indexed", lambda bulk, _: not bulk.errors)
    ),
}
