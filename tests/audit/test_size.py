"""The audit at 100,000 objects: its memory is bounded, and it asks the server no more than it must."""

import hashlib
import json
import math
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.hours.hours import Frontier, frontier_key
from consumers.hours.manifest import FORMAT, SUCCESS, Manifest, Note, SealedObject, ShardObjects, Totals, sums
from consumers.hours.times import hour_of, hour_text
from consumers.records import HOUR_MS, Position
from tests.conftest import empty_bucket
from tests.support.archive import BUCKET, archive_of, write_properties
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import KEYS, Server, on_disk_s3

LAYOUT = Layout("raw", "dt=%Y-%m-%d/hour=%H", "events", ".gz")
STREAM = f"{KEYS['AWS_DEFAULT_REGION']}:events"
HOURS, SHARDS, EACH = 10, 10, 1_000
OPEN = 100  # objects a shard in the hour that is not decided
MOST_MIB = 250
# The memory that the parent had counts in a child's `ru_maxrss`, and not in the child's own status.
MEASURED = """
import pathlib, runpy, sys
said = pathlib.Path(sys.argv.pop(1))
try:
    runpy.run_module("consumers", run_name="__main__")
finally:
    said.write_text(pathlib.Path("/proc/self/status").read_text())
"""
BODY = b"not read here"
VERSION = f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
DIGEST = hashlib.sha256(BODY).hexdigest()


def link(shard: int, n: int, arrival_ms: int) -> Link:
    """Make the n-th link of a shard's chain; each holds ten records."""
    first = 10**55 + n * 10
    after = Position(first - 1, 0) if n else None
    return Link(
        stream=STREAM,
        shard=f"shardId-{shard:012d}",
        first=Position(first, 0),
        last=Position(first + 9, 0),
        after=after,
        origin=None if n else "TRIM_HORIZON",
        count=10,
        size=len(BODY),
        payload_bytes=70,
        first_arrival_ms=arrival_ms,
        min_arrival_ms=arrival_ms,
        max_arrival_ms=arrival_ms,
        sha256=DIGEST,
        writer="w 1",
    )


def store_file(server: Server, key: str, metadata: dict[str, str]) -> None:
    """Put an object where versitygw would: its own interface would take minutes."""
    path = Path(server.folder) / BUCKET / key
    path.write_bytes(BODY)
    os.setxattr(path, "user.etag", VERSION.encode())
    for name, value in metadata.items():
        os.setxattr(path, f"user.X-Amz-Meta.{name}", value.encode())


def seal_hour(server: Server, hour_ms: int, begin: int, each: int, *, decided: bool) -> None:
    """Write an hour's objects, and its manifest and marker if it is decided."""
    (Path(server.folder) / BUCKET / LAYOUT.folder(hour_ms)).mkdir(parents=True, exist_ok=True)
    parts = []
    for shard in range(SHARDS):
        links = [link(shard, begin + n, hour_ms + n) for n in range(each)]
        keys = [LAYOUT.key(one.shard, one.first, one.first_arrival_ms) for one in links]
        for key, one in zip(keys, links, strict=True):
            store_file(server, key, {} if decided else one.metadata())
        objects = tuple(
            SealedObject(
                key,
                str(one.first),
                str(one.last),
                str(one.after or ""),
                one.origin or "",
                one.count,
                one.size,
                one.payload_bytes,
                one.min_arrival_ms,
                one.max_arrival_ms,
                one.sha256,
                VERSION,
            )
            for key, one in zip(keys, links, strict=True)
        )
        parts.append(ShardObjects(f"shardId-{shard:012d}", 1, sums(objects), objects))
    if decided:
        hour, key = hour_text(hour_ms), f"{LAYOUT.folder(hour_ms)}_manifest.0001.json"
        manifest = Manifest(
            FORMAT, STREAM, "app", hour, 1, complete=True, holes=(), totals=Totals(), shards=tuple(parts)
        )
        put(server, key, msgspec.json.encode(manifest))
        put(server, f"{LAYOUT.folder(hour_ms)}{SUCCESS}", msgspec.json.encode(Note(FORMAT, hour, key, 1, Totals())))


def put(server: Server, key: str, body: bytes) -> None:
    """Put an object as the fleet does."""
    assert archive_of(server).put_new(key, body, {}, hashlib.sha256(body).digest())


@pytest.fixture
def hoard() -> Iterator[Server]:
    """A server of its own: to empty the shared one would take minutes."""
    with on_disk_s3() as server:
        empty_bucket(server)
        yield server


@pytest.mark.timeout(300)
def test_hundred_thousand_objects(hoard: Server, folder: Path) -> None:
    """Under 250 MB; LIST requests in proportion to the objects; HEADs only in the hour that no manifest proves."""
    first_ms = hour_of(int(time.time() * 1000)) - (HOURS + 3) * HOUR_MS
    for at in range(HOURS):
        seal_hour(hoard, first_ms + at * HOUR_MS, at * EACH, EACH, decided=True)
    seal_hour(hoard, first_ms + HOURS * HOUR_MS, HOURS * EACH, OPEN, decided=False)
    end_ms = first_ms + HOURS * HOUR_MS
    put(hoard, frontier_key("app", "events"), msgspec.json.encode(Frontier(first_ms, end_ms)))
    properties = write_properties(folder, hoard.endpoint)
    hours = ["--from", hour_text(first_ms), "--to", hour_text(end_ms)]
    status = folder / "status"
    command = [FLEET[0], "-c", MEASURED, str(status), "audit", "--quick", "--json", *hours, str(properties)]
    began = time.monotonic()
    with (folder / "out").open("wb") as out:
        process = subprocess.run(command, env=fleet_environment(folder), stdout=out, check=False)
    took_s = time.monotonic() - began
    lines = (folder / "out").read_text().splitlines()
    sums_ = json.loads(lines[-1])
    peak_mib = int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1024
    print(f"{sums_['objects']:,} objects in {took_s:.1f} s, at most {peak_mib:.0f} MiB, {sums_['requests']}")
    assert (process.returncode, sums_["findings"]) == (0, 0), lines[:20]
    assert sums_["objects"] == HOURS * SHARDS * EACH + SHARDS * OPEN
    assert sums_["requests"]["HeadObject"] == SHARDS * OPEN
    pages = HOURS * math.ceil((SHARDS * EACH + 2) / 1000) + math.ceil(SHARDS * OPEN / 1000)
    assert sums_["requests"]["ListObjectsV2"] <= pages + 1 + 3  # the chains' records; what was set aside, by days
    assert peak_mib < MOST_MIB
