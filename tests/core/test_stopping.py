"""The sign of a stop, and the time that it leaves: what it cuts short is given up for good, and KCL fits in behind."""

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumers.kcl import jars
from consumers.kcl.checkpointer import Commits, Outcome
from consumers.kcl.processor import ShardProcessor
from consumers.kcl.stopping import AWAY_S, KCL_S, WORDS, OutOfTime, Sign, leave_ms, time_of
from consumers.pipeline import Pipeline
from consumers.records import Position
from consumers.waiting import Patience, Unavailable
from tests.core.test_pipeline import World, record
from tests.core.test_processor import Table
from tests.support.servers import ROOT

SAID = b"INFO Process terminated, will initiate shutdown.\n"
SHIPPED = {"shutdownGraceMillis": "20000", "failoverTimeMillis": "10000"}


@dataclass
class Clockwork:
    """A stop that is asked for at a moment of the world's clock, and rings whenever the world waits."""

    world: World
    at: float = float("inf")
    armed: bool = False

    def deadline(self) -> float | None:
        return self.at if self.world.now >= self.at - 5 else None

    @contextmanager
    def cutting(self, until: float | None = None) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False

    @contextmanager
    def whole(self) -> Iterator[None]:
        armed, self.armed = self.armed, False
        yield
        self.armed = armed

    def wait(self, seconds: float) -> None:
        if self.world.now >= self.at and not self.armed:
            raise SystemExit(0)  # the daemon has gone
        if self.armed and self.world.now + seconds >= self.at:
            self.world.now = max(self.world.now, self.at)
            raise OutOfTime
        self.world.now += seconds


class Leaves(ShardProcessor):
    """A processor that is cut short, and goes on as if nothing had been."""

    def _cut_short(self) -> None:
        pass


def build(world: World, stop: Clockwork, kind: type[ShardProcessor] = ShardProcessor) -> ShardProcessor:
    """Join a processor whose batches hold two records."""

    def clock() -> float:
        return world.now

    def refuse_or_write(batch):  # type: ignore[no-untyped-def]
        if world.broken:
            reason = "down"
            raise Unavailable(reason)
        world.actions.append(f"write {batch.records[0].position.sequence}-{batch.last.sequence}")
        return batch.last

    world.write = refuse_or_write  # type: ignore[method-assign]
    commits = Commits(clock, stop.wait, world, stop=stop)
    patience = Patience(stop.wait, clock, world)
    return kind(lambda _shard, _start: Pipeline(world, world, patience), commits, clock, 30.0, world)


def cut(kind: type[ShardProcessor]) -> Table:
    """Stop a shard whose destination is away, have it back, and let the daemon say all that it could; the commits."""
    world, table = World(), Table()
    stop = Clockwork(world)
    it = build(world, stop, kind)
    it.initialize("shardId-000000000000", "TRIM_HORIZON", 0)
    world.broken, stop.at = 1, 10
    it.process_records([record(1), record(2), record(3)], 0, table)
    assert world.now == 10
    world.broken = 0
    it.process_records([record(4), record(5)], 0, table)
    it.shutdown_requested(table)
    with suppress(SystemExit):
        it.shard_ended(table)
    return table


def test_nothing_is_committed_after_a_delivery_that_a_stop_cut_short() -> None:
    """The delivery is answered in time, and neither a later one nor the end of the shard is committed past it."""
    assert cut(ShardProcessor).asked == []


def test_negative_control() -> None:
    """A processor that went on after it would commit records that were never written."""
    assert cut(Leaves).asked


def test_a_shard_that_is_given_out_after_the_stop_is_not_taken() -> None:
    """KCL hands out again what was drained: nothing is built, stored or committed for it."""
    world, table = World(), Table()
    stop = Clockwork(world, at=0)
    it = build(world, stop)
    it.initialize("shardId-000000000000", "TRIM_HORIZON", 0)
    it.process_records([record(1), record(2)], 0, table)
    it.shutdown_requested(table)
    assert (world.actions, table.asked) == ([], [])


def test_a_shard_that_waits_while_it_begins_is_given_up() -> None:
    """Its beginning is answered, so that KCL can go on to its end."""
    world, table = World(), Table()
    stop = Clockwork(world, at=10)

    def never(_shard: str, _start: object):  # type: ignore[no-untyped-def]
        while True:
            stop.wait(1)

    it = ShardProcessor(never, Commits(lambda: world.now, stop.wait, world, stop=stop), lambda: world.now, 30.0, world)
    it.initialize("shardId-000000000000", "TRIM_HORIZON", 0)
    it.process_records([record(1)], 0, table)
    assert table.asked == []


@pytest.mark.parametrize("away", ["destination", "lease table"])
def test_the_end_of_a_shard_that_a_stop_cuts_short_is_not_answered(away: str) -> None:
    """It says so and waits for the daemon to go: KCL would call the answer an error, and ask for the end again."""
    world, table = World(), Table("ThrottlingException" if away == "lease table" else None)
    stop = Clockwork(world, at=30)
    it = build(world, stop)
    it.initialize("shardId-000000000000", "TRIM_HORIZON", 0)
    it.process_records([record(1)], 0, table)
    world.broken, world.now = int(away == "destination"), 26
    said = list[str]()
    world.warning = lambda event, **_: said.append(event)  # type: ignore[method-assign]
    for _ in range(2):  # KCL asks again, and it must not be answered then either
        with pytest.raises(SystemExit):
            it.shard_ended(table)
    assert said == ["checkpoint_later" if table.error else "waiting", "drain_cut_short"]
    assert set(table.asked) == ({"end"} if table.error else set())


def test_an_exchange_with_the_daemon_is_never_cut() -> None:
    """A commit that the lease table refuses for now ends by the deadline, in order, and says that it comes later."""
    world, table = World(), Table("ThrottlingException")
    stop = Clockwork(world, at=4, armed=True)
    commits = Commits(lambda: world.now, stop.wait, world, budget_s=1000, stop=stop)
    with stop.whole():
        assert commits.commit(table, Position(1, 0)) is Outcome.LATER
    assert world.now <= 4


def test_time_for_kcl_is_left_within_the_grace() -> None:
    """KCL needs some turns of its loop, and may wait for a reading thread until the fail-over time is over."""
    assert time_of(15, SHIPPED) == 20 - 10 - KCL_S
    assert time_of(3, SHIPPED) == 3
    assert time_of(15, {**SHIPPED, "shutdownGraceMillis": "60000"}) == 15
    assert time_of(3, {**SHIPPED, "shutdownGraceMillis": "4000"}) == 1


def test_java_leaves_before_its_grace_is_over() -> None:
    """Later than each process of a shard had its time, and before KCL would report an error."""
    assert leave_ms(15, SHIPPED) == (14_000, 19_000)
    assert leave_ms(15, {**SHIPPED, "shutdownGraceMillis": "60000"}) == (19_000, 59_000)
    assert leave_ms(1, {**SHIPPED, "shutdownGraceMillis": "4000"}) == (3_000, 3_000)


def test_what_is_away_already_has_less_time(tmp_path: Path) -> None:
    """What was refused is tried a while longer, from the stop or from when it was refused; never beyond the time."""
    path = tmp_path / "stop"
    assert Sign(path, 10, lambda: 100.0).refused(50) is None
    path.write_bytes(SAID)
    sign = Sign(path, 10, lambda: 100.0)
    bounds = [sign.refused(since) for since in (50, 105, 109.5)]
    assert bounds == pytest.approx([100 + AWAY_S, 105 + AWAY_S, 110], abs=0.5)


def test_who_waits_says_since_when_it_is_refused() -> None:
    """Until the call is accepted, or the wait ends otherwise; a part that was accepted begins anew."""
    world, seen = World(), list[float | None]()

    def pause(_seconds: float) -> None:
        world.now += 5
        seen.append(patience.refused_since)

    def call() -> None:
        seen.append(patience.refused_since)
        if len(seen) < 7:
            raise Unavailable("down", progressed=len(seen) == 5)

    patience = Patience(pause, lambda: world.now, world)
    patience.until_done(call)
    assert seen == [None, 0, 0, 0, 0, 10, 10]
    assert patience.refused_since is None


def test_the_sign_counts_from_when_it_was_written(tmp_path: Path) -> None:
    """A process that looks late has less time; a wall clock that was set gives it no more, and never less than none."""
    path = tmp_path / "stop"
    assert Sign(path, 10, lambda: 100.0).deadline() is None
    path.write_bytes(b"")
    sign = Sign(path, 10, lambda: 100.0)
    assert sign.deadline() is None
    path.write_bytes(SAID)
    for written, deadline in ((time.time() - 4, 106), (time.time() + 3600, 110), (time.time() - 3600, 100)):
        os.utime(path, (written, written))
        assert Sign(path, 10, lambda: 100.0).deadline() == pytest.approx(deadline, abs=1)


def test_what_kcl_says_at_its_end_is_what_is_looked_for() -> None:
    """The words stand in the class of the locked JAR, so that an update that changes them is seen."""
    [jar] = [path for path in jars.class_path(jars.folder(), jars.locked()) if "client-multilang" in path.name]
    with zipfile.ZipFile(jar) as archive:
        assert WORDS in archive.read("software/amazon/kinesis/multilang/MultiLangDaemon.class")
    assert WORDS in SAID


HANGS = """
import socket, sys, time
from pathlib import Path
from consumers.kcl.stopping import Alarm, OutOfTime, Sign
stop = Alarm(Sign(Path(sys.argv[1]), 1.0, time.monotonic), time.monotonic)
mine, other = socket.socketpair()
try:
    with stop.cutting():
        with stop.whole():
            time.sleep(1.2)
        print("whole", flush=True)
        try:
            mine.recv(1)
        except Exception:
            print("taken for a failed call")
except OutOfTime:
    print("cut")
time.sleep(0.7)
print("quiet")
"""


def test_a_call_that_hangs_is_cut(tmp_path: Path) -> None:
    """Its socket never answers; the exception passes what catches failed calls, spares an exchange, and comes once."""
    (tmp_path / "stop").write_bytes(SAID)
    command = [sys.executable, "-c", HANGS, str(tmp_path / "stop")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.split("\n")[:-1] == ["whole", "cut", "quiet"]
