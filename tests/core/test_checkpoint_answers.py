"""What the daemon answers to a checkpoint: only its own word on this very position commits it."""

import io
import json
import os
from typing import Any

import pytest

from consumers.kcl.checkpointer import CheckpointRefused, Commits, Outcome
from consumers.kcl.lines import LineReader
from consumers.kcl.pipe import ShardProcess
from consumers.records import Position
from tests.model.fleet import Silent

AT = Position(49_600, 2)
ASKED = {"sequenceNumber": "49600", "subSequenceNumber": 2}


def commit(*answers: Any, end: bool = False) -> Outcome:
    """Commit against a daemon that answers so."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))
        os.close(writing)
        process = ShardProcess(None, LineReader(reading), io.BytesIO())  # type: ignore[arg-type]
        commits = Commits(lambda: 0.0, lambda _: None, Silent())
        return commits.commit_end(process.checkpointer) if end else commits.commit(process.checkpointer, AT)
    finally:
        os.close(reading)


def answer(**fields: object) -> dict[str, object]:
    """Write an answer; None leaves a field out."""
    return {"action": "checkpoint", **{name: value for name, value in fields.items() if value is not None}}


def test_the_position_that_was_asked_for() -> None:
    """The daemon repeats it, and says that nothing was wrong, or nothing at all."""
    assert commit({"action": "checkpoint", **ASKED, "error": None}) is Outcome.DONE
    assert commit(answer(**ASKED)) is Outcome.DONE
    assert commit({"action": "checkpoint", "sequenceNumber": None, "subSequenceNumber": None}, end=True) is Outcome.DONE
    assert commit(answer(), end=True) is Outcome.DONE


@pytest.mark.parametrize(
    "said",
    [
        answer(),
        answer(sequenceNumber="49600"),
        answer(subSequenceNumber=2),
        answer(sequenceNumber="49601", subSequenceNumber=2),
        answer(sequenceNumber="49600", subSequenceNumber=1),
        answer(**ASKED, error=""),
        answer(**ASKED, error="SomethingNewException"),
        {"action": "leaseLost"},
        {"action": "processRecords", "records": []},
    ],
)
def test_anything_else_commits_nothing(said: dict[str, object]) -> None:
    """Another position, none, or another message: the daemon is out of step, and the process ends before it goes on."""
    with pytest.raises(CheckpointRefused):
        commit(said)


def test_an_error_decides_whatever_stands_beside_it() -> None:
    """A lease that is lost is lost, also without a position."""
    assert commit(answer(error="ShutdownException")) is Outcome.LEASE_LOST
    assert commit(answer(error="ThrottlingException"), answer(**ASKED)) is Outcome.DONE
