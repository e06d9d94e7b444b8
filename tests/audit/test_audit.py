"""`kinesis-fleet audit` names exactly what is wrong with an archive, and nothing else."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.chain.layout import position_in
from consumers.envelope import Unreadable
from consumers.hours.times import hour_text
from consumers.letters.keys import aside_place
from consumers.letters.letter import LetterHead, letter_of_unreadable
from consumers.letters.store import DeadLetters
from consumers.s3.store import S3Store
from tests.conftest import empty_bucket
from tests.support.archive import BUCKET, archive_of, object_keys, write_properties
from tests.support.hours import SHARD, OneShard, past_records
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import Server

Damage = Callable[[Any, list[str]], tuple[str, str]]


@pytest.fixture(params=["moto", "versitygw"], scope="module")
def archive(request: pytest.FixtureRequest) -> Server:
    """Three decided hours of one shard, twelve objects, on each server in turn."""
    server: Server = request.getfixturevalue("aws" if request.param == "moto" else "disk")
    empty_bucket(server)
    shard = OneShard(archive_of(server))
    shard.deliver(past_records())
    shard.idle()
    return server


def audit(server: Server, folder: Path, *options: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """Run the command: its exit code, its findings, its sums."""
    properties = write_properties(folder, server.endpoint)
    command = [*FLEET, "audit", "--json", *options, str(properties)]
    ran = subprocess.run(command, env=fleet_environment(folder), check=False, capture_output=True, text=True)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert lines, ran.stderr
    return ran.returncode, lines[:-1], lines[-1]


@pytest.mark.parametrize("options", [[], ["--quick"]], ids=["read", "quick"])
def test_whole_archive(archive: Server, folder: Path, options: list[str]) -> None:
    """Nothing is found; what the manifests prove is not looked up one by one."""
    code, found, sums = audit(archive, folder, *options)
    assert (code, found, sums["ok"]) == (0, [], True)
    assert (sums["objects"], sums["records"]) == (12, 60)
    assert sums["requests"].get("HeadObject", 0) == 0


def delete(client: Any, keys: list[str]) -> tuple[str, str]:
    """Delete an object."""
    client.delete_object(Bucket=BUCKET, Key=keys[1])
    return "missing", keys[1]


def duplicate(client: Any, keys: list[str]) -> tuple[str, str]:
    """Copy an object to the key of a record inside it."""
    position = position_in(keys[4])
    assert position
    copy = keys[4].replace(f"{position.sequence:056d}", f"{position.sequence + 1:056d}")
    client.copy_object(Bucket=BUCKET, Key=copy, CopySource={"Bucket": BUCKET, "Key": keys[4]})
    return "doubled", copy


def alter(client: Any, keys: list[str]) -> tuple[str, str]:
    """Change one byte, and keep the metadata."""
    found = client.get_object(Bucket=BUCKET, Key=keys[6])
    body = bytearray(found["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket=BUCKET, Key=keys[6], Body=bytes(body), Metadata=found["Metadata"])
    return "altered", keys[6]


def truncate(client: Any, keys: list[str]) -> tuple[str, str]:
    """Cut the last byte off, and keep the metadata."""
    found = client.get_object(Bucket=BUCKET, Key=keys[9])
    client.put_object(Bucket=BUCKET, Key=keys[9], Body=found["Body"].read()[:-1], Metadata=found["Metadata"])
    return "truncated", keys[9]


@pytest.mark.parametrize("options", [[], ["--quick"]], ids=["read", "quick"])
@pytest.mark.parametrize(
    "damages", [[delete], [duplicate], [alter], [truncate], [delete, duplicate, alter, truncate]], ids=len
)
def test_names_exactly_what_is_damaged(s3: Server, folder: Path, damages: list[Damage], options: list[str]) -> None:
    """One deleted, one copied, one altered, one cut: each is named by its key, and nothing else is."""
    shard = OneShard(archive_of(s3))
    shard.deliver(past_records())
    shard.idle()
    keys = object_keys(archive_of(s3))
    expected = sorted(damage(s3.client("s3"), keys) for damage in damages)
    code, found, sums = audit(s3, folder, *options)
    assert (code, sums["ok"]) == (1, False)
    assert sorted((one["kind"], one["where"]) for one in found) == expected


def test_an_altered_byte_on_the_disk_is_found_by_reading(disk: Server, folder: Path) -> None:
    """Where not even the server knows that the bytes have changed."""
    empty_bucket(disk)
    shard = OneShard(archive_of(disk))
    shard.deliver(past_records())
    shard.idle()
    key = object_keys(archive_of(disk))[3]
    (path,) = Path(disk.folder).rglob(key.rpartition("/")[2])
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    code, found, _ = audit(disk, folder)
    assert (code, [(one["kind"], one["where"]) for one in found]) == (1, [("altered", key)])


def test_an_object_missing_from_an_hour_without_manifest_is_a_gap(s3: Server, folder: Path) -> None:
    """Its neighbours say between which positions something is missing."""
    shard = OneShard(archive_of(s3))
    records = past_records()
    shard.deliver(records)
    shard.deliver([])
    keys = object_keys(archive_of(s3))
    s3.client("s3").delete_object(Bucket=BUCKET, Key=keys[9])
    hours = ["--from", hour_in(keys[0]), "--to", hour_in(keys[-1])]
    code, found, sums = audit(s3, folder, *hours)
    assert (code, [(one["kind"], one["where"]) for one in found]) == (1, [("gap", keys[10])])
    assert f"{records[44].position} and {records[50].position}" in found[0]["detail"]
    assert sums["requests"]["HeadObject"] == 3  # the objects of the one hour that has no manifest yet


def test_a_late_object_in_a_former_folder_is_no_gap(s3: Server, folder: Path) -> None:
    """An audit of one hour finds the link that came late for the hour before it, and so stands in its folder."""
    records = past_records(hours=2, each=10)
    late = msgspec.structs.replace(records[14], arrival_ms=records[4].arrival_ms)
    shard = OneShard(archive_of(s3))
    shard.deliver([*records[:14], late, *records[15:]])
    shard.idle()
    code, found, _ = audit(s3, folder, "--from", hour_in(object_keys(archive_of(s3))[-1]))
    assert (code, found) == (0, [])


def test_store_of_another_consumer_or_hour_is_refused(archive: Server, folder: Path) -> None:
    """A wrong hour is wrong usage, and says what an hour looks like."""
    properties = write_properties(folder, archive.endpoint)
    command = [*FLEET, "audit", "--from", "yesterday", str(properties)]
    ran = subprocess.run(command, env=fleet_environment(folder), check=False, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "2026-01-31T23" in ran.stderr


def hour_in(key: str) -> str:
    """Read the hour from a key."""
    day, hour = key.split("dt=")[1].split("/hour=")
    return f"{day}T{hour[:2]}"


def test_manifests_are_compared_in_every_codec(disk: Server, folder: Path) -> None:
    """An index beside its object is missed like the object itself."""
    empty_bucket(disk)
    store: S3Store = archive_of(disk)
    shard = OneShard(store, compression="zstd")
    shard.deliver(past_records())
    shard.idle()
    (index, *_) = [entry.key for entry in store.list("raw/") if entry.key.endswith(".index.gz")]
    disk.client("s3").delete_object(Bucket=BUCKET, Key=index)
    properties = write_properties(folder, disk.endpoint, **{"archive.compression": "zstd"})
    command = [*FLEET, "audit", "--json", str(properties)]
    ran = subprocess.run(command, env=fleet_environment(folder), check=False, capture_output=True, text=True)
    found = [json.loads(line) for line in ran.stdout.splitlines()][:-1]
    assert [(one["kind"], one["where"]) for one in found] == [("missing", index)]


def test_an_audit_of_nothing_proves_nothing(archive: Server, folder: Path) -> None:
    """Hours that never were look the same as a wrong prefix: cron must not stay green."""
    code, found, sums = audit(archive, folder, "--from", "2031-01-01", "--to", "2031-01-01")
    assert (code, found, sums["ok"], sums["hours"], sums["decided"]) == (1, [], False, 24, 0)


def test_the_prefix_of_another_application_is_refused(archive: Server, folder: Path) -> None:
    """Its manifests would prove nothing of this one."""
    properties = write_properties(folder, archive.endpoint, applicationName="other")
    command = [*FLEET, "audit", str(properties)]
    ran = subprocess.run(command, env=fleet_environment(folder), check=False, capture_output=True, text=True)
    assert (ran.returncode, "belongs to app" in ran.stderr) == (78, True)


def test_what_was_set_aside_is_named(disk: Server, folder: Path) -> None:
    """It stands in no object: of these hours, and of an hour that nobody knows, each position once."""
    empty_bucket(disk)
    records = past_records()
    shard = OneShard(archive_of(disk))
    shard.deliver(records)
    shard.idle()
    letters = DeadLetters(archive_of(disk), aside_place("app"))
    head = LetterHead("events", SHARD, "s3_archive", "1", "app")
    dated = Unreadable(b"1", "no base64", records[3].sequence_number, 0, records[3].arrival_ms)
    letters.put([letter_of_unreadable(head, dated, records[2].position, 0)])
    letters.put(
        [letter_of_unreadable(head, Unreadable(b"2", "null"), records[2].position, behind) for behind in (1, 2)]
    )
    code, found, sums = audit(disk, folder)
    assert (code, {one["kind"] for one in found}, sums["ok"]) == (3, {"declared"}, False)
    assert sums["declared"][-2:] == [
        f"{SHARD}: 2 of an hour that is not known could not be read and were set aside",
        f"{SHARD}: 1 of {hour_text(records[3].arrival_ms)} could not be read and were set aside",
    ]
