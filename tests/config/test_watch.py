"""The command that looks whether each shard is read, on leases as KCL writes them."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from msgspec import structs

from consumers.cli import main
from consumers.config.settings import load
from consumers.kcl.alone import hold
from consumers.kcl.here import hold_shard, unread_here
from consumers.kcl.holding import Held
from consumers.kcl.known import KnownStream
from consumers.registry import CONSUMERS
from tests.support.lease_rows import Daemons, Rows

FILE = (
    "consumer = s3_archive\nstreamName = events\napplicationName = events-archive\nregionName = us-east-1\n"
    "workerId = host-1\narchive.bucket = a-bucket\narchive.region = us-east-1\njvm.shards = 2\n"
)
SHARDS = ("shardId-000000000000", "shardId-000000000001")


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Have DynamoDB, and Kinesis with a stream of two shards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        boto3.client("kinesis", "us-east-1").create_stream(StreamName="events", ShardCount=2)
        yield boto3.client("dynamodb", "us-east-1")


@pytest.fixture
def daemons(dynamodb: Any) -> Daemons:
    """Have daemons, none of which lives yet."""
    return Daemons(rows_of(dynamodb))


@pytest.fixture
def run(tmp_path: Path, daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Result]:
    """Watch prepared leases."""
    monkeypatch.setattr("consumers.commands.watch.time", daemons)
    file = tmp_path / "archive.properties"
    file.write_text(FILE)
    assert CliRunner().invoke(main, ["prepare", str(file)]).exit_code == 0
    return lambda: CliRunner().invoke(main, ["watch", "--for", "10", str(file)])


def rows_of(dynamodb: Any) -> Rows:
    """Give the leases."""
    return Rows(dynamodb, "events-archive")


def lead(dynamodb: Any, worker: str) -> None:
    """Write the leader's lock."""
    name = "events-archive-CoordinatorState"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=name, Item={"key": {"S": "Leader"}, "ownerName": {"S": worker}})


def test_the_stream_is_gone(run: Callable[[], Result]) -> None:
    """Whoever holds leases, nobody reads: it is said at error, with the stream, and no restart is asked for."""
    boto3.client("kinesis", "us-east-1").delete_stream(StreamName="events")
    result = run()
    assert result.exit_code == 1
    said = json.loads(result.stderr.splitlines()[-1])
    assert (said["event"], said["level"]) == ("stream_lost", "error")
    assert "stream events is not there" in said["reason"]
    assert "create the stream" in said["remedy"]


def test_the_stream_was_made_anew(run: Callable[[], Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where another stream has its name, with the command that says how to begin with it."""
    boto3.client("s3", "us-east-1").create_bucket(Bucket="a-bucket")
    run()  # writes down which stream is read
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("consumers.kcl.stream_proof.known_by", lambda _, name: KnownStream(name, ms(later)))
    result = run()
    assert result.exit_code == 1
    said = json.loads(result.stderr.splitlines()[-1])
    assert (said["event"], said["level"]) == ("stream_lost", "error")
    assert "was made anew" in said["reason"]
    assert "start-over" in said["remedy"]


def ms(moment: datetime) -> int:
    """Give UTC milliseconds."""
    return int(moment.timestamp() * 1000)


def test_nobody_reads(run: Callable[[], Result]) -> None:
    """It is said, with the shards, and counted; a restart of this host is no remedy."""
    result = run()
    assert result.exit_code == 1, result.output


def test_this_host_leads(run: Callable[[], Result], dynamodb: Any) -> None:
    """The leader that leaves leases alone is started again; another host looks on."""
    lead(dynamodb, "host-1")
    assert run().exit_code == 75
    lead_row = {"key": {"S": "Leader"}, "ownerName": {"S": "host-2"}}
    dynamodb.put_item(TableName="events-archive-CoordinatorState", Item=lead_row)
    assert run().exit_code == 1


def test_this_host_does_not_renew(run: Callable[[], Result], dynamodb: Any) -> None:
    """A lease that bears this host's name and stands still is this host's fault; a stranger's is not."""
    for shard, worker in zip(SHARDS, ("host-1", "host-2"), strict=True):
        rows_of(dynamodb).own(worker, shard)
    assert run().exit_code == 75
    rows_of(dynamodb).own("host-3", SHARDS[0])
    assert run().exit_code == 1


def test_a_hand_over_that_lasts_is_ended(run: Callable[[], Result], dynamodb: Any) -> None:
    """The giver's name goes from the row, and nothing else."""
    rows_of(dynamodb).own("host-2", SHARDS[0])
    dynamodb.update_item(
        TableName="events-archive",
        Key={"leaseKey": {"S": SHARDS[0]}},
        UpdateExpression="SET checkpointOwner = :g",
        ExpressionAttributeValues={":g": {"S": "host-9"}},
    )
    assert run().exit_code == 1
    row = dynamodb.get_item(TableName="events-archive", Key={"leaseKey": {"S": SHARDS[0]}})["Item"]
    assert "checkpointOwner" not in row
    assert (row["leaseOwner"]["S"], row["checkpoint"]["S"]) == ("host-2", "TRIM_HORIZON")


def test_a_shard_without_a_lease(run: Callable[[], Result], dynamodb: Any, daemons: Daemons) -> None:
    """Nobody reads what has no lease: not before its parent's end, which is no fault, but for ever after."""
    rows, kinesis = rows_of(dynamodb), boto3.client("kinesis", "us-east-1")
    kinesis.split_shard(StreamName="events", ShardToSplit=SHARDS[0], NewStartingHashKey=str(2**126))
    rows.own("host-2", *SHARDS)
    with daemons.renewing(*SHARDS):
        assert run().exit_code == 0
        rows.set_checkpoint("SHARD_END", SHARDS[0])
        assert run().exit_code == 1


def test_an_empty_checkpoint(run: Callable[[], Result], dynamodb: Any, daemons: Daemons) -> None:
    """Its owner renews it, and KCL reads nothing of it."""
    rows = rows_of(dynamodb)
    rows.own("host-2", *SHARDS)
    with daemons.renewing(*SHARDS):
        assert run().exit_code == 0
        rows.set_checkpoint("", SHARDS[0])
        assert run().exit_code == 1


def test_the_leader_of_a_newer_kcl(run: Callable[[], Result], dynamodb: Any) -> None:
    """From core 3.5 on, a new application has its lock in the table of the leases."""
    lock = {"leaseKey": {"S": "Leader"}, "ownerName": {"S": "host-1"}, "entityType": {"S": "LEADER"}}
    dynamodb.put_item(TableName="events-archive", Item=lock)
    assert run().exit_code == 75


def test_a_lease_that_is_held_here_and_read_by_no_process(
    run: Callable[[], Result], dynamodb: Any, daemons: Daemons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KCL can renew a lease for ever without starting its process: only this host sees it, and starts anew."""
    for module in ("here", "alone"):  # a name belongs to the whole host, where other tests may run
        monkeypatch.setattr(f"consumers.kcl.{module}.name_of", lambda _: f"kinesis-fleet-{os.getpid()}")
    settings = load(tmp_path / "archive.properties", CONSUMERS)
    rows_of(dynamodb).own("host-1", *SHARDS)
    with daemons.renewing(*SHARDS):
        assert run().exit_code == 0, "without a daemon here, another host's processes are not to be seen"
        with hold(settings), opened(hold_shard(settings, SHARDS[0])):
            with opened(hold_shard(settings, SHARDS[1])):
                assert run().exit_code == 0
            result = run()
            assert result.exit_code == 75
            said = json.loads(result.stderr.splitlines()[-1])
            assert said["shards"] == [SHARDS[1]]
            assert "no process of it reads" in said["reason"]
            rows_of(dynamodb).own("host-2", SHARDS[1])
            assert run().exit_code == 0


def test_a_child_waits_for_its_parents_without_a_process() -> None:
    """Until nothing of them is left; and one that has lost the lease lives on beside the next."""
    parent, child = Held("p", "host-1", "495", 1), Held("c", "host-1", "TRIM_HORIZON", 1, parents=("p", "gone"))
    settings = SimpleNamespace(worker="host-1", application=f"app-{os.getpid()}", kcl={})
    one: Any = settings
    assert unread_here(one, [parent, child]) == []
    with hold(one):
        assert unread_here(one, [parent, child]) == [parent]
        with opened(hold_shard(one, "p")), opened(hold_shard(one, "p")) as next_one:
            assert unread_here(one, [parent, child]) == []
            assert next_one.getsockname().endswith(b"-p-1")
        ended = structs.replace(parent, checkpoint="SHARD_END")
        assert unread_here(one, [ended, child]) == [child]


def opened(held: socket.socket | None) -> socket.socket:
    """Insist on a name."""
    assert held
    return held
