"""Reads an archive back and holds it against what a shard held."""

from collections import Counter
from pathlib import Path
from typing import Any

from consumers.chain.layout import position_in
from consumers.chain.link import Link
from consumers.objects.reader import fetch
from consumers.records import Record
from consumers.s3.store import BucketAccess, S3Store
from tests.support.servers import KEYS, Server

BUCKET = "archive-bucket"


def write_properties(folder: Path, endpoint: str, **more: Any) -> Path:
    """Write a consumer's properties; `archive_max_records=5` becomes `archive.maxRecords = 5`."""
    values = {
        "consumer": "s3_archive",
        "streamName": "events",
        "applicationName": "app",
        "regionName": KEYS["AWS_DEFAULT_REGION"],
        "kinesisEndpoint": "http://127.0.0.1:9",  # nobody: records come from a fake daemon unless a test says more
        "workerId": "worker-1",
        "archive.bucket": BUCKET,
        "archive.prefix": "raw",
        "archive.endpoint": endpoint,
        "archive.region": KEYS["AWS_DEFAULT_REGION"],
        "archive.maxRecords": "25",
        **{key: str(value) for key, value in more.items()},
    }
    path = folder / "s3_archive.properties"
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    return path


def archive_of(server: Server) -> S3Store:
    """Open the archive's bucket."""
    return S3Store(BucketAccess(BUCKET, KEYS["AWS_DEFAULT_REGION"], server.endpoint))


def object_keys(store: S3Store, prefix: str = "raw/") -> list[str]:
    """List the objects of all chains."""
    return [entry.key for entry in store.list(prefix) if position_in(entry.key) is not None]


def faults_of(
    store: S3Store, records: list[Record], shard: str = "shardId-000000000000", prefix: str = "raw/"
) -> list[str]:
    """Say what is wrong with a shard's archive; nothing if every record is there once and the chain is whole."""
    keys = [key for key in object_keys(store, prefix) if f".{shard}." in key]
    links = sorted((Link.parse(store.metadata(key) or {}) for key in keys), key=lambda link: link.first)
    found = [record for key in keys for record in fetch(store, key)]
    counts = Counter(record.position for record in found)
    expected = {record.position: record for record in records}
    faults = [f"lost {p}" for p in expected if p not in counts]
    faults += [f"doubled {p}" for p, count in counts.items() if count > 1]
    faults += [f"altered {r.position}" for r in found if expected.get(r.position) != r]
    for before, link in zip(links, links[1:], strict=False):
        if link.first <= before.last:
            faults.append(f"overlap at {link.first}")
        if link.after != before.last:
            faults.append(f"gap before {link.first}")
    return faults
