"""The search server is away: the archive beside it does not notice, and indexing catches up by itself."""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.local.ledger import Ledger
from tests.daemon.audit import expected_of, faults_in
from tests.daemon.indexing import IndexStage, without_end
from tests.daemon.putting import flowing, last_of
from tests.daemon.stage import OUTAGE_S, POLL_S, Stage
from tests.support.search import opensearch

pytestmark = pytest.mark.daemon
REQUEST_S = 5
RATE = 400.0
MOST_MOVE = 0.25  # the figure is printed, and was under 0.05 each time; a busy machine must not fail the test


class Lag:
    """The mean age of what is not archived yet, by Little's law: what waits, over the rate of its coming."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
        self._stage, self._ledger = stage, ledger

    def over(self, seconds: float) -> float:
        """Look on for so long; the mean in seconds."""
        put, until, waiting = self._ledger.put, time.monotonic() + seconds, []
        began = time.monotonic()
        while time.monotonic() < until:
            rows = self._stage.leases()
            done = sum(self._ledger.passed(shard, row.position.sequence) for shard, row in rows.items() if row.position)
            waiting.append(self._ledger.put - done)
            time.sleep(POLL_S)  # a mean over time needs samples of it
        return statistics.fmean(waiting) / ((self._ledger.put - put) / (time.monotonic() - began))


@pytest.fixture
def stages(new_stage: Callable[[int], Stage], folder: Path) -> tuple[Stage, Stage]:
    """One stream, with a folder for each consumer."""
    stage = new_stage(2)
    beside = folder / "index"
    beside.mkdir()
    return stage, replace(stage, folder=beside)


def test_search_server_is_killed(stages: tuple[Stage, Stage], measured: Callable[[str], None]) -> None:
    """Killed for three times the longest time-out: the archive's lag stays; then all is indexed once."""
    archive, beside = stages
    with opensearch() as node:
        index = IndexStage(beside, node)
        application = f"{archive.name}-index"
        archived = archive.properties()
        indexed = index.properties(applicationName=application, **{"index.requestSeconds": REQUEST_S})
        for stage, properties in ((archive, archived), (beside, indexed)):
            stage.prepare(properties)
        with (
            flowing(archive, without_end(), rate=RATE) as flow,
            archive.daemon(archived) as archiver,
            beside.daemon(indexed) as indexer,
        ):
            archiver.await_shards("object_written", 2, each=4)
            indexer.await_shards("indexed", 2)
            processes = indexer.children()
            lag = Lag(archive, flow.ledger)
            before_s = lag.over(OUTAGE_S)
            node.kill()
            during_s = lag.over(OUTAGE_S)
            assert indexer.lines("waiting"), "nobody noticed that the server is away"
            node.restart()
            ledger = flow.end()
            archive.await_committed(last_of(ledger))
            replace(beside, name=application).await_committed(last_of(ledger))
            assert indexer.children() == processes
        assert index.faults(ledger, application) == []
    moved = during_s / before_s - 1
    measured(f"archive's lag {before_s:.2f} s, with the search server away {during_s:.2f} s: {moved:+.1%}")
    assert during_s < before_s * (1 + MOST_MOVE)
    assert faults_in(archive, expected_of(ledger)) == []


def test_negative_control(stage: Stage) -> None:
    """An archive that waits for the other destination falls behind while that is away, and the measure shows it."""
    away_s = 10.0
    properties = stage.properties()
    stage.prepare(properties)
    broken = f"{sys.executable} -m tests.child.broken.waits_for_search {{file}}"
    with opensearch() as node:
        (stage.folder / "search.url").write_text(node.endpoint)
        with (
            flowing(stage, without_end(), rate=RATE) as flow,
            stage.daemon_with_child(properties, broken) as daemon,
        ):
            daemon.await_shards("object_written", 2, each=4)
            lag = Lag(stage, flow.ledger)
            before_s = lag.over(away_s)
            node.kill()
            assert lag.over(away_s) > before_s * (1 + MOST_MOVE)
