"""Letters that somebody gave up, or put through again, stay away: the object beside which they stand is no source."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from consumers.letters.clearing import Clearing
from consumers.letters.keys import LetterPlace
from consumers.letters.reading import Reader, Selection
from consumers.letters.store import DeadLetters
from consumers.records import Position
from consumers.redshift import loader as loading
from consumers.redshift.load_place import LoadPlace
from consumers.redshift.loader import Bounds, Loader
from consumers.redshift.names import Names
from consumers.redshift.settings import layout_of
from consumers.redshift.transaction import Step
from tests.support.staging import Heard, Stopped, World, records

RUN = records([1, "bad", 3, "worse", 5, 6, 7])
ALL_OF_THEM = Selection()
BAD = {RUN[1].position, RUN[3].position}


class Taking:
    """A database that takes each load."""

    def transact(self, steps: Sequence[Step], token: str) -> None:
        pass

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return []

    def alter(self, statement: str) -> None:
        raise AssertionError(statement)

    def close(self) -> None:
        pass


def load(world: World) -> None:
    """Load all that is staged."""
    place = LoadPlace(
        Names("public", "events", "staging", "staged"), "app", layout_of(world.settings), "staging", "default", "",
        60, 10**12, "me",
    )  # fmt: skip
    letters = DeadLetters(world.graves, LetterPlace("dead-letters", "app"))
    with patch.object(loading, "insist_on_table", lambda *_: None):
        Loader(world.store, Taking(), letters, place, Heard()).work(Bounds(100, 1 << 30, 0), at_once=True)


def adopt(world: World) -> None:
    """Read the shard from its beginning again, as after a crash before the first checkpoint."""
    world.checkpoint, world.ended = None, False
    world.run(RUN)


def purge(world: World, selection: Selection = ALL_OF_THEM) -> set[Position]:
    """Give letters up, and say which there were."""
    letters = DeadLetters(world.graves, LetterPlace("dead-letters", "app"))
    found = {letter.position for letter in Reader(letters).distinct(letters.entries()) if selection.holds(letter)}
    Clearing(letters, Reader(letters), letters.entries(), lambda _: None).purge(selection)
    return found


def standing(world: World) -> set[Position]:
    return {letter.position for letter in world.letters()}


@pytest.mark.parametrize("again", [load, adopt])
@pytest.mark.parametrize(
    "selection", [Selection(), Selection(positions=frozenset({RUN[1].position})), Selection(reasons=frozenset({"x"}))]
)
def test_purged(tmp_path: Path, again: Any, selection: Selection) -> None:
    """What is purged stays purged when its object is loaded, or adopted; the others stand."""
    world = World(tmp_path)
    world.run(RUN)
    assert standing(world) == BAD
    gone = purge(world, selection)
    for _ in range(2):
        again(world)
        assert standing(world) == BAD - gone


@pytest.mark.parametrize("again", [load, adopt])
def test_put_through_again(tmp_path: Path, again: Any) -> None:
    """What was put through again is a row, and no letter, also after its object is loaded or adopted."""
    world = World(tmp_path)
    world.run(RUN)
    letters = DeadLetters(world.graves, LetterPlace("dead-letters", "app"))
    chosen = RUN[1].position
    Clearing(letters, Reader(letters), letters.entries(), lambda _: None).redrive(
        lambda _shard, run: [], lambda letter: letter.position == chosen
    )
    again(world)
    assert standing(world) == BAD - {chosen}


@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_dies(tmp_path: Path, when: str) -> None:
    """The process dies at any call, and all letters are purged then.

    What there was stays away, and a letter that nobody had put is put: none is lost, and none comes back.
    """
    whole = World(tmp_path)
    whole.run(RUN)
    for number in range(1, whole.number + 1):
        folder = tmp_path / f"{when}-{number}"
        folder.mkdir()
        world = World(folder)
        world.stop_at(number, when)
        with pytest.raises(Stopped):
            world.run(RUN)
        gone = purge(world)
        world.run(RUN)
        load(world)
        assert standing(world) == BAD - gone, number


def test_control_letters_that_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a loader that puts letters as if they were new brings them back."""
    monkeypatch.setattr(DeadLetters, "put_once", DeadLetters.put)
    world = World(tmp_path)
    world.run(RUN)
    purge(world)
    load(world)
    assert standing(world) == BAD
