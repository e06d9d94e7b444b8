"""The loader on the stand-in: what is staged is in the table, once, whatever dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from consumers.cli import main
from consumers.local.redshift.faults import Fault
from consumers.redshift import loader as loading
from consumers.redshift.database import Unsure
from consumers.redshift.loader import Bounds, Loader
from consumers.redshift.staged import Staged
from consumers.redshift.transaction import Step, load
from consumers.waiting import DeadlineReached
from tests.support.servers import KEYS
from tests.support.warehouse import Place, event, records

ONE = Bounds(files=1, bytes=1 << 40, age_s=0)


def test_rows(place: Place) -> None:
    """Each staged record is a row, and the sum of a column is that of the source."""
    run = records([event(number) for number in range(2500)])
    place.stage(run)
    loader = place.loader()
    place.work(loader)
    place.audit(run)
    assert sum(amount for _, amount in place.rows()) == place.amounts(run) == sum(range(2500))
    assert loader.totals.objects == 3


def test_letters(place: Place) -> None:
    """A record that COPY would refuse is a dead letter that names the column, and no row."""
    payloads = [event(number) if number % 50 else b'{"session":"s","amount":"much"}' for number in range(2500)]
    run = records(payloads)
    place.write(pauseShare=0.9)
    place.stage(run)
    place.work(place.loader())
    place.audit(run)
    letters = place.letters()
    assert len(letters) == 50
    assert {letter.reason for letter in letters} == {"wrong_type"}
    assert all("column amount" in letter.detail for letter in letters)


def test_nothing_but_letters(place: Place) -> None:
    """A run without any row is written into the ledger, and nothing is copied for it."""
    run = records([b"{}"] * 30)
    place.write(pauseRecords=1000)
    place.stage(run)
    place.work(place.loader())
    place.audit(run)
    assert [one.rows for one in place.ledger().values()] == [0]
    assert not place.house.faults.counts["copy"] or not any("COPY" in text for text in place.house.faults.texts)


def test_letters_of_a_writer_that_died(place: Place) -> None:
    """Letters that stand beside a staged object only are put where they are found, before the object is done with."""
    run = records([event(number) if number % 5 else b"[]" for number in range(50)])
    place.stage(run)
    place.forget_letters()
    assert place.letters() == []
    place.work(place.loader())
    place.audit(run)
    assert len(place.letters()) == 10


def test_redriven_before_the_load(place: Place) -> None:
    """A letter that was redriven before its object is loaded does not come back."""
    narrow = (place.folder / "table.toml").read_text()
    (place.folder / "table.toml").write_text(narrow.replace("varchar(16)", "varchar(2)"))
    place.write(pauseShare=0.9)
    run = records([event(number) for number in range(100)])
    place.stage(run)
    rejected = {letter.sequence for letter in place.letters()}
    assert rejected
    (place.folder / "table.toml").write_text(narrow.replace("version = 1", "version = 2"))
    place.write()
    done = CliRunner().invoke(main, ["dead-letters", "redrive", str(place.file)])
    assert done.exit_code == 0, done.output
    assert place.letters() == []
    place.work(place.loader())
    place.audit(run)
    assert place.letters() == []
    assert len(place.rows()) == 100


def race(place: Place) -> None:
    """Let a loader come while another one stands before its COMMIT."""
    run = place.stage_many(3)
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert go.wait(30)

    place.house.faults.add(Fault("commit", action="call", call=hold))
    first = threading.Thread(target=lambda: place.work(place.loader()), daemon=True)
    first.start()
    assert held.wait(30)
    place.house.faults.add(Fault("lock", action="call", call=go.set))
    second = threading.Thread(target=lambda: place.work(place.loader()), daemon=True)
    second.start()
    while second.is_alive() and not go.is_set():
        second.join(0.05)
    go.set()
    first.join(60)
    second.join(60)
    place.audit(run)


def test_the_second_waits_for_the_first(place: Place) -> None:
    """Two loaders take the same objects at once: each object is loaded by one of them."""
    race(place)


def test_control_no_lock(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: without the lock, the same race doubles rows."""
    monkeypatch.setattr(loading, "load", without("lock", "fence"))
    with pytest.raises(AssertionError, match=r"twice|doubled"):
        race(place)


def without(*kinds: str) -> Callable[..., Iterator[Step]]:
    """Break the transaction: leave steps out."""

    def broken(*given: Any) -> Iterator[Step]:
        return (step for step in load(*given) if step.kind not in kinds)

    return broken


def test_two_loaders(place: Place) -> None:
    """Two loaders share 200 loads: each object is loaded once, and both have worked."""
    run = place.stage_many(200, 5)
    loaders = [place.loader(), place.loader()]
    place.work_together(loaders, ONE)
    place.audit(run)
    assert len(place.ledger()) == 200
    assert sum(loader.totals.objects for loader in loaders) == 200
    print("loads of each:", [loader.totals.loads for loader in loaders])


def cut(place: Place) -> None:
    place.house.faults.add(Fault("commit", "after"))


def lose_commits(place: Place, times: int) -> Loader:
    """Cut the connection after COMMIT has been carried out, so often."""
    run = place.stage_many(times, 5)
    place.house.faults.add(Fault("copy", "after", "call", times=times, call=lambda: cut(place)))
    loader = place.loader()
    for _ in range(3 * times):
        try:
            loader.work(ONE, at_once=True)
        except Unsure:
            continue
        break
    place.audit(run)
    return loader


def test_lost_commit(place: Place) -> None:
    """The answer to COMMIT is lost 50 times: nothing is doubled, nothing is lost, and each is counted."""
    loader = lose_commits(place, 50)
    resolved = place.heard.of("commit_resolved")
    assert len(resolved) == 50
    assert all(line["stands"] for line in resolved)
    assert loader.totals.objects == 50


def test_control_blind_retry(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a loader that repeats what was not answered, instead of reading the ledger, doubles rows."""
    whole = Loader._load

    def blind(self: Loader, objects: Sequence[Staged]) -> None:
        try:
            whole(self, objects)
        except Unsure:
            monkeypatch.setattr(loading, "load", without("taken"))
            whole(self, objects)

    monkeypatch.setattr(Loader, "_load", blind)
    with pytest.raises(AssertionError, match=r"twice|doubled"):
        lose_commits(place, 2)


@pytest.mark.parametrize(
    ("when", "action"), [("before", "cut"), ("after", "cut"), ("before", "conflict"), ("before", "deadlock")]
)
@pytest.mark.parametrize("kind", ["begin", "lock", "update", "insert", "select", "set", "copy", "commit"])
def test_interrupted(place: Place, kind: str, when: str, action: str) -> None:
    """A connection that is cut, a conflict or a deadlock at any statement: loaded once, after another try."""
    run = place.stage_many(4)
    place.house.faults.add(Fault(kind, when, action, containing="statement_timeout" if kind == "set" else ""))  # type: ignore[arg-type]
    place.work(place.loader())
    place.audit(run)


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("lock", "before"),
        ("update", "before"),
        ("insert", "before"),
        ("copy", "before"),
        ("copy", "after"),
        ("commit", "before"),
        ("commit", "after"),
    ],
)
def test_killed(place: Place, kind: str, when: str) -> None:
    """`kill -9` of the loader at each step: the next one loads what is left, once."""
    run = place.stage_many(4)
    with killed_at(place, Fault(kind, when, "call")):  # type: ignore[arg-type]
        pass
    place.work(place.loader())
    place.audit(run)


@contextmanager
def killed_at(place: Place, fault: Fault) -> Iterator[None]:
    """Run the command, and kill it where the fault stands."""
    process: subprocess.Popen[bytes] | None = None
    struck = threading.Event()

    def kill() -> None:
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        struck.set()

    fault.call = kill
    place.house.faults.add(fault)
    command = [sys.executable, "-m", "consumers", "redshift-load", str(place.file)]
    process = subprocess.Popen(command, env={**os.environ, **KEYS}, stderr=subprocess.DEVNULL)
    assert struck.wait(60)
    assert process.wait(10) == -signal.SIGKILL
    yield


def test_vanished_with_the_lock(place: Place) -> None:
    """A loader that vanished while it held the lock stands in the way for its session's time-out, and no longer."""
    run = place.stage_many(4)
    gone = place.connect()
    gone.alter("ALTER USER rs SESSION TIMEOUT 2")
    gone.close()
    vanished = place.connect()
    vanished.alter("BEGIN")
    vanished.alter(f"LOCK {place.names.lock}")
    began = time.monotonic()
    place.work(place.loader())
    print(f"waited {time.monotonic() - began:.1f} s")
    place.audit(run)
    reset = place.connect()
    reset.alter("ALTER USER rs SESSION TIMEOUT 3600")
    reset.close()


def test_database_away(place: Place) -> None:
    """While the database is away staging goes on, and afterwards what has gathered is loaded in order."""
    place.write(maxRecords=10, statementTimeoutSeconds=1)
    place.house.pause()
    loader = place.loader()
    runs = [records([event(n) for n in range(at, at + 30)], at) for at in range(0, 60, 30)]
    checkpoint = None
    for run in runs:
        place.stage(run, checkpoint=checkpoint)
        checkpoint = str(run[-1].position)
        with pytest.raises(DeadlineReached):
            place.try_once(loader)
    place.house.resume()
    place.work(loader, ONE)
    place.audit([record for run in runs for record in run])
    loaded = [line["first"] for line in place.heard.of("loaded")]
    assert loaded == sorted(loaded)
    assert len(loaded) == 6


def test_refused_connections(place: Place) -> None:
    """A database that lets nobody in is waited for."""
    run = place.stage_many(2)
    place.house.faults.refuse = True
    loader = place.loader()
    with pytest.raises(DeadlineReached):
        place.try_once(loader)
    place.house.faults.refuse = False
    place.work(loader)
    place.audit(run)


def test_slow_copy(place: Place) -> None:
    """A COPY that takes longer than it may is tried in halves, and nothing is quarantined for it."""
    place.write(loadTimeoutSeconds=1)
    run = place.stage_many(4)
    place.house.faults.add(Fault("copy", action="slow", seconds=5))
    loader = place.loader()
    place.work(loader)
    place.audit(run)
    assert loader.totals.loads == 2
    assert loader.totals.quarantined == 0


def test_secrets(place: Place) -> None:
    """No password stands in the SQL, nor in the log."""
    place.stage_many(2)
    place.work(place.loader())
    assert place.house.faults.texts
    assert not [text for text in place.house.faults.texts if place.house.password in text]
    assert place.house.password not in str(place.heard.lines)


def test_untrusted(place: Place) -> None:
    """A server whose certificate nobody vouches for gets no password."""
    place.write(caFile="")
    place.house.faults.texts.clear()
    with pytest.raises(DeadlineReached, match="nobody vouches"):
        place.try_once(place.loader())
    assert not place.house.faults.texts
