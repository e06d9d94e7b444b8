"""The policies that `kinesis-fleet policy` prints: what the real parts ask for is allowed, and little besides is."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from consumers.local.redshift.warehouse import Warehouse
from consumers.local.simulator import Produced
from tests.daemon.indexing import IndexStage, mixed_events
from tests.daemon.loading import TableStage
from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage, build
from tests.support.bad_rows import events
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.recording import ACCOUNT, Asked, read, recording_aws
from tests.support.search import SearchNode
from tests.support.servers import ROOT, Server

pytestmark = pytest.mark.daemon
DRAINED = {0, 143}
RECORDS = 2000
UNSEEN = {
    "kinesis:DescribeStreamSummary": "KCL asks for it where the file names the stream by its name and the region's "
    "endpoint is Amazon's; documented as needed",
    "dynamodb:UpdateTable": "KCL makes the index of a lease table that it found without one",
}
"""Actions that are granted although no call of these tests makes them, and why."""
UNSEEN_OF_LOADERS = {
    "s3:DeleteObject": "a loader removes staged objects `redshift.keepHours` after their load: 48 h at least"
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the calls are written to."""
    return tmp_path_factory.mktemp("record") / "calls"


@pytest.fixture(scope="module")
def recorder(record: Path) -> Iterator[Server]:
    """An embedded AWS that writes down what it is asked."""
    with recording_aws(record) as server:
        yield server


@pytest.fixture
def stage(recorder: Server, folder: Path) -> Stage:
    """A stage on it."""
    return build(recorder, folder, 2)


def policy_of(file: Path, role: str = "consumer") -> list[dict[str, Any]]:
    """Print the policy of a file."""
    command = [*FLEET, "policy", "--account", ACCOUNT, "--role", role, str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env=fleet_environment(file.parent), check=True, capture_output=True, text=True
    )
    statements: list[dict[str, Any]] = json.loads(done.stdout)["Statement"]
    return statements


def refused(calls: set[Asked], statements: list[dict[str, Any]]) -> set[Asked]:
    """Give the calls that a policy does not allow. An iterator names no stream."""

    def allows(one: Asked) -> bool:
        return any(
            one.action in statement["Action"]
            and (
                one.resource.endswith("stream/*")
                or any(fnmatchcase(one.resource, resource) for resource in statement["Resource"])
            )
            for statement in statements
        )

    return {one for one in calls if not allows(one)}


def idle(calls: set[Asked], statements: list[dict[str, Any]]) -> set[str]:
    """Give the actions that a policy allows, and nobody took."""
    return {action for statement in statements for action in statement["Action"]} - {one.action for one in calls}


def fleet(stage: Stage, who: str, *words: str | Path, codes: frozenset[int] = frozenset({0})) -> str:
    """Run a command under an access key."""
    environment = fleet_environment(stage.folder, {"AWS_ACCESS_KEY_ID": who})
    command = [*FLEET, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode in codes, done.stderr
    return done.stdout


def metrics_to(stage: Stage) -> dict[str, object]:
    """Let KCL publish its metrics, and often."""
    return {
        "metricsLevel": "SUMMARY",
        "metricsBufferTimeMillis": 1000,
        "cloudWatchClient.endpointOverride": stage.server.endpoint,
    }


def run(stage: Stage, who: str, file: Path, records: Iterable[Produced]) -> None:
    """Prepare, work through records, drain, and look at the leases, all under one access key."""
    fleet(stage, who, "prepare", file)
    with stage.daemon(file, {"AWS_ACCESS_KEY_ID": who}) as daemon:
        with flowing(stage, records, rate=0) as flow:
            stage.await_committed(last_of(flow.all_put()))
        assert daemon.drain() in DRAINED
    fleet(stage, who, "leases", file, codes=frozenset({1}))  # its owner has left


def audit(record: Path, who: str, statements: list[dict[str, Any]], unseen: Mapping[str, str] = UNSEEN) -> None:
    """Hold what was asked against what is allowed, both ways."""
    calls = {one for one in read(record) if one.who == who}
    print(f"\n{who}: {', '.join(sorted({one.action for one in calls}))}")
    assert refused(calls, statements) == set()
    assert idle(calls, statements) - unseen.keys() == set()


def test_archive(stage: Stage, record: Path) -> None:
    """The archive, its hours and its audit."""
    file = stage.properties(**metrics_to(stage))
    run(stage, "archive", file, play(RECORDS))
    fleet(stage, "archive", "hours", file, codes=frozenset({0, 1}))
    fleet(stage, "archive", "audit", file, codes=frozenset({0, 1}))
    audit(record, "archive", policy_of(file))


def test_index(stage: Stage, record: Path, search: SearchNode) -> None:
    """The index and its dead letters; and whoever purges them."""
    file = IndexStage(stage, search).properties(**metrics_to(stage))
    run(stage, "index", file, mixed_events(RECORDS))
    audit(record, "index", policy_of(file))
    fleet(stage, "index-operator", "dead-letters", "redrive", file, codes=frozenset({0, 1}))
    fleet(stage, "index-operator", "dead-letters", "let-through", "--for", "1m", file)
    fleet(stage, "index-operator", "dead-letters", "purge", "--yes", file)
    audit(record, "index-operator", policy_of(file, "operator"))


def test_table(stage: Stage, record: Path) -> None:
    """The stage and its dead letters; and the loader, which prunes."""
    with Warehouse(stage.server.endpoint) as house:
        file = TableStage(stage, house, **metrics_to(stage)).properties
        run(stage, "stage", file, events(RECORDS))
        audit(record, "stage", policy_of(file))
        fleet(stage, "loader", "redshift-load", "--patience", "60", file)
        fleet(stage, "loader", "redshift-report", file)
    audit(record, "loader", policy_of(file, "loader"), UNSEEN_OF_LOADERS)


def test_a_policy_that_lacks_something_is_seen(stage: Stage, record: Path) -> None:
    """Without one action, or for another bucket, the same calls are refused: the negative control."""
    file = stage.properties()
    run(stage, "control", file, play(RECORDS))
    calls = {one for one in read(record) if one.who == "control"}
    statements = policy_of(file)
    lacking = [
        {**one, "Action": [action for action in one["Action"] if action != "s3:PutObject"]} for one in statements
    ]
    assert {one.action for one in refused(calls, lacking)} == {"s3:PutObject"}
    elsewhere = [{**one, "Resource": [f"{at}-other" for at in one["Resource"]]} for one in statements]
    assert {one.action for one in refused(calls, elsewhere)} >= {"s3:PutObject", "s3:ListBucket", "dynamodb:UpdateItem"}
