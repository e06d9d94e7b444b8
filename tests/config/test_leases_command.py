"""The command that tells who holds which shard: it ends with 0 only where each shard is read by one that lives."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from moto.kinesis.models import kinesis_backends

from consumers.cli import main
from consumers.kcl import looking
from tests.support.lease_rows import Daemons, Rows

FILE = (
    "consumer = s3_archive\nstreamName = events\napplicationName = events-archive\nregionName = us-east-1\n"
    "workerId = host-1\narchive.bucket = a-bucket\narchive.region = us-east-1\n"
)
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"
CHILDREN = ("shardId-000000000002", "shardId-000000000003")


Aws = tuple[Any, Rows, Daemons]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Have Kinesis with a stream of two shards, and the leases in DynamoDB."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        kinesis = boto3.client("kinesis", "us-east-1")
        kinesis.create_stream(StreamName="events", ShardCount=2)
        rows = Rows(boto3.client("dynamodb", "us-east-1"), "events-archive")
        daemons = Daemons(rows)
        monkeypatch.setattr(looking, "time", daemons)
        yield kinesis, rows, daemons


@pytest.fixture
def run(tmp_path: Path, aws: Aws) -> Callable[..., Result]:
    """Run the command on a prepared application."""
    del aws
    file = tmp_path / "archive.properties"
    file.write_text(FILE)
    assert CliRunner().invoke(main, ["prepare", str(file)]).exit_code == 0
    return lambda *options: CliRunner().invoke(main, ["leases", *options, str(file)])


def test_all_is_well(run: Callable[..., Result], aws: Aws) -> None:
    """Each lease is renewed while it looks, without being told to wait; the list has a row for each shard."""
    aws[1].own("host-1", FIRST, SECOND)
    with aws[2].renewing(FIRST, SECOND):
        done = run("--worker", "mine", "--json")
    assert aws[2].now_s == 1, "it ends as soon as it knows"
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["shard"] for row in rows] == [FIRST, SECOND]
    assert {(row["owner"], row["checkpoint"], row["lagSeconds"], row["problem"], row["waitsFor"]) for row in rows} == {
        ("host-1", "TRIM_HORIZON", 0.0, "", "")
    }


def test_an_owner_that_has_stopped_is_named(run: Callable[..., Result], aws: Aws) -> None:
    """Its name stays in the row; without --wait it is known all the same, once the lease has expired."""
    aws[1].own("host-1", FIRST, SECOND)
    with aws[2].renewing(FIRST):
        done = run()
    assert aws[2].now_s == pytest.approx(10.0), "as long as KCL waits"
    assert done.exit_code == 1
    assert f"{SECOND}: host-1 has not renewed its lease for 10 s: it has stopped, or hangs" in done.stderr
    assert FIRST not in done.stderr


def test_the_age_of_an_unread_record_is_the_lag(run: Callable[..., Result], aws: Aws) -> None:
    """Also where it is the last one of its shard, of which the stream says that nothing comes after it."""
    aws[1].own("host-1", FIRST, SECOND)
    aws[0].put_record(StreamName="events", Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    shard = kinesis_backends["123456789012"]["us-east-1"].streams["events"].shards[FIRST]
    for record in shard.records.values():
        record.created_at_datetime -= timedelta(seconds=600)
    with aws[2].renewing(FIRST, SECOND):
        done = run("--json")
    assert done.exit_code == 1
    lags = {row["shard"]: row["lagSeconds"] for row in json.loads(done.stdout)}
    assert 599 <= lags[FIRST] < 700
    assert lags[SECOND] == 0
    assert f"{FIRST}: {lags[FIRST]:.0f} s behind" in done.stderr


def test_children_without_a_lease(run: Callable[..., Result], aws: Aws) -> None:
    """Their parent is read to its end, and nobody has made their leases: it does not end with 0 before one lives."""
    aws[0].split_shard(StreamName="events", ShardToSplit=FIRST, NewStartingHashKey=str(2**126))
    aws[1].own("host-1", FIRST, SECOND)
    with aws[2].renewing(FIRST, SECOND):
        before = run("--wait", "12")
    assert before.exit_code == 1
    assert all(f"{child}: it is not read yet: {FIRST} is read to its end first" in before.stderr for child in CHILDREN)
    aws[1].set_checkpoint("SHARD_END", FIRST)
    with aws[2].renewing(SECOND):
        bare = run("--wait", "12", "--json")
    assert bare.exit_code == 1
    why = f"it has no lease, and {FIRST} before it has been read to its end"
    assert {row["shard"]: row["problem"] for row in json.loads(bare.stdout)} == {
        FIRST: "",
        SECOND: "",
        **dict.fromkeys(CHILDREN, why),
    }
    aws[1].set_checkpoint("TRIM_HORIZON", *CHILDREN)
    aws[1].own("host-1", *CHILDREN)
    with aws[2].renewing(SECOND, CHILDREN[0]):
        assert run("--wait", "12").exit_code == 1
    with aws[2].renewing(SECOND, *CHILDREN):
        assert run("--wait", "12").exit_code == 0


def test_an_empty_checkpoint(run: Callable[..., Result], aws: Aws) -> None:
    """It is named, with what mends it, while its owner renews it."""
    aws[1].own("host-1", FIRST, SECOND)
    aws[1].set_checkpoint("", FIRST)
    with aws[2].renewing(FIRST, SECOND):
        done = run()
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{FIRST}: its checkpoint is empty")
    assert "aws dynamodb update-item --table-name events-archive" in done.stderr
