"""Seeded bugs of the stage: each must turn the fate red that it is named with, or the model proves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Literal
from unittest.mock import patch

from consumers.chain.batcher import ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.link import Link
from consumers.chain.place import NoGrowthWatch
from consumers.letters.letter import letters_in, unpacked
from consumers.records import Position
from consumers.redshift.stage_writer import LETTERS, StageContent, StageWriter, letters_key
from consumers.redshift.staging import Stage, StageWatch
from tests.model.bugs import CheckpointsBeforeItWrites, DoesNotLookBeforeItStarts, TakesEveryConflictForItsOwn
from tests.model.staging import Parts

Wrong = Literal["lost", "doubled", "buried", "unburied", "faults"]
_SAME = "0" * 64


class AdoptsWithoutLetters(Chain):
    """Takes what another has written for done, its dead letters too."""

    def _adopt(self, link: Link, key: str) -> Position:
        with patch.object(self, "_watch", NoGrowthWatch()):
            return super()._adopt(link, key)


class PassesOverWhatStandsBehind(Chain):
    """A repeated first start that begins further on does not look after the letters of whoever began before it."""

    def _fence(self, origin, first):  # type: ignore[no-untyped-def]
        with patch.object(self, "_watch", NoGrowthWatch()):
            return super()._fence(origin, first)


class WithoutDigest(StageContent):
    """Names its letters by the object's key alone."""

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        return ((letters_key(key, _SAME), self.letters),) if self.rejected else ()


class WritesWithoutDigest(StageWriter):
    """Makes such objects."""

    def finish(self) -> StageContent:
        made = super().finish()
        return WithoutDigest(**{one.name: getattr(made, one.name) for one in fields(made)})


class ReadsWithoutDigest(StageWatch):
    """Finds their letters."""

    def stands(self, key: str, link: Link) -> None:
        if link.notes.get(LETTERS):
            found = self.store.find(letters_key(key, _SAME))
            self.letters.put_once(letters_in(unpacked(found.body)) if found else [])


@dataclass(slots=True)
class LettersAfterTheCheckpoint(StageWatch):
    """Keeps the letters of what stands until the next delivery: the checkpoint comes between."""

    waiting: list[tuple[str, Link]] = field(default_factory=list)

    def stands(self, key: str, link: Link) -> None:
        self.waiting.append((key, link))

    def received(self, records, *, caught_up):  # type: ignore[no-untyped-def]
        self.ended()
        return StageWatch.received(self, records, caught_up=caught_up)

    def ended(self) -> None:
        while self.waiting:
            StageWatch.stands(self, *self.waiting[0])
            del self.waiting[0]


class LettersOfItsOwn(Stage):
    """Puts the letters of what it is about to write, whoever's object will stand."""

    def write(self, batch: ObjectBatch) -> Position:
        content = batch.content
        assert isinstance(content, StageContent)
        if content.rejected:
            self.chain._watch.letters.put(letters_in(unpacked(content.letters)))  # type: ignore[attr-defined]
        return super().write(batch)


class NotesNoLetters(StageWatch):
    """Puts nothing into the dead letters."""

    def stands(self, key: str, link: Link) -> None:
        self.hours.stands(key, link)


BUGS: dict[str, tuple[Parts, Wrong]] = {
    "letters_never_copied_on_adoption": (Parts(chain=AdoptsWithoutLetters), "unburied"),
    "letters_behind_a_first_start_passed_over": (Parts(chain=PassesOverWhatStandsBehind), "unburied"),
    "letters_named_without_their_digest": (Parts(writer=WritesWithoutDigest, watch=ReadsWithoutDigest), "buried"),
    "letters_of_a_loser_put": (Parts(stage=LettersOfItsOwn), "buried"),
    "checkpoint_before_letters": (Parts(watch=LettersAfterTheCheckpoint), "unburied"),
    "checkpoint_before_write": (Parts(pipeline=CheckpointsBeforeItWrites), "lost"),
    "no_letters_at_all": (Parts(watch=NotesNoLetters), "unburied"),
    "conflict_taken_for_ones_own": (Parts(chain=TakesEveryConflictForItsOwn), "lost"),
    "no_look_before_the_start": (Parts(chain=DoesNotLookBeforeItStarts), "doubled"),
}
