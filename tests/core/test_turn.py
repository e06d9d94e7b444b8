"""What takes much memory is judged by one process of a daemon at a time, and nobody waits for ever."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from consumers.documents.decode import Limits as DecodeLimits
from consumers.documents.meter import LARGE_BYTES, Meter
from consumers.letters.letter import LetterHead
from consumers.letters.trial import End, try_apart
from consumers.pipeline import Room
from consumers.records import Record
from consumers.redshift.stage_writer import StageWriter
from consumers.search.batcher import IndexBatcher, Limits
from consumers.search.judge import Judge
from consumers.search.shape import Shape
from consumers.turn import MOST_WAIT_S, NoTurn, Turn
from tests.support.servers import ROOT
from tests.support.staging import Heard


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A file that all of them know."""
    path = tmp_path / "effective.properties"
    path.touch(0o400)
    return path


class Waiting:
    """A turn with a clock; whoever waits for it calls `meanwhile`."""

    def __init__(self, path: Path, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.now, self.waited, self.heard = 0.0, 0, Heard()
        self.meanwhile = meanwhile
        self.turn = Turn(path, self.pause, lambda: self.now, self.heard)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.waited += 1
        self.meanwhile()


def test_one_after_the_other(known: Path) -> None:
    """The second has its turn when the first has given it back; it may take it twice."""
    first = Waiting(known).turn
    second = Waiting(known, first.give_back)
    first.take()
    first.take()
    second.turn.take()
    assert second.waited == 1
    third = Waiting(known, second.turn.give_back)
    third.turn.take()
    assert third.waited == 1


def test_whoever_hangs_is_not_waited_for_for_ever(known: Path) -> None:
    """It is said, and what is given back then is nobody else's."""
    first, second, third = Waiting(known), Waiting(known), Waiting(known)
    first.turn.take()
    second.turn.take()
    assert MOST_WAIT_S <= second.now < MOST_WAIT_S + 1
    assert [line[:2] for line in second.heard.lines] == [("warning", "turn_not_waited_for")]
    second.turn.give_back()
    third.meanwhile = first.turn.give_back
    third.turn.take()
    assert third.waited == 1


def test_a_process_that_dies_gives_it_back(known: Path) -> None:
    """Whatever killed it."""
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from consumers.turn import Turn\n"
        "Turn(Path(sys.argv[1]), time.sleep, time.monotonic, None).take()\n"
        "print('taken', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(known)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "taken\n"

    def kill() -> None:
        process.kill()
        process.wait()

    waiting = Waiting(known, kill)
    waiting.turn.take()
    assert waiting.waited == 1
    process.stdout.close()


def test_a_copy_that_ends_leaves_nothing_taken(known: Path) -> None:
    """A record that is tried apart has a turn of its own."""
    waiting = Waiting(known)
    assert try_apart(lambda: waiting.turn.take() or os.abort()).end is End.DIED  # type: ignore[func-returns-value]
    other = Waiting(known)
    other.turn.take()
    assert other.waited == 0


def test_a_file_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    """There is no turn then, and the shard goes on."""
    waiting = Waiting(tmp_path / "gone")
    waiting.turn.take()
    waiting.turn.give_back()
    assert (waiting.waited, waiting.heard.lines) == (0, [])


class Noted(NoTurn):
    """A turn that is written down."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def take(self) -> None:
        self.steps.append("take")

    def give_back(self) -> None:
        self.steps.append("back")


@pytest.mark.parametrize(
    ("size", "steps"), [(LARGE_BYTES - 100, ["back"]), (LARGE_BYTES + 1, ["take", "back"])], ids=["small", "large"]
)
def test_what_is_inflated_to_much_is_judged_in_turn(size: int, steps: list[str]) -> None:
    """From before it is read until its run is taken; also where judging it raises."""
    record = Record(gzip.compress(b'{"a":"' + b"x" * size + b'"}'), "k", "1", 0, 0)
    for fault in (None, MemoryError):
        turn = Noted()
        meter = Meter(turn)
        judge = Judge("s", "shard", lambda _: "i", Shape(), DecodeLimits(inflated=meter.add)).judge
        judged = patch.object(Judge, "_line", side_effect=fault) if fault else nullcontext()
        batcher = IndexBatcher(Limits(1 << 30, 9, 1), judge, lambda: 0.0, meter)
        batcher.open(Room(), 0.0)
        writer = StageWriter(judge, 1, LetterHead("s", "shard", "c", "1", "a"), lambda: 0.0, meter)
        for add in (partial(batcher.add, [record]), partial(writer.add, [record], [0])):
            turn.steps.clear()
            with judged, pytest.raises(fault) if fault else nullcontext():
                add()
            assert turn.steps == steps
