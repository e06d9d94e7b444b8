"""Buckets as folders of files: what a former version of the fleet has written, kept to be read."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from consumers.records import Record
from tests.memory_store import MemoryStore

HERE = Path(__file__).parent
_BUCKET, _METADATA, _RECORDS = "bucket", "metadata.json", "records.json"

Puts = dict[str, list[Record]]
"""What was put, by the key of the object that holds it."""


def versions() -> list[str]:
    """Name the versions whose files are kept."""
    return sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name.startswith("v"))


def save(folder: Path, store: MemoryStore, puts: Puts) -> None:
    """Write a bucket, and what went into its objects."""
    for key, (body, _) in store.objects.items():
        path = folder / _BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    metadata = {key: found for key, (_, found) in sorted(store.objects.items()) if found}
    _dump(folder / _METADATA, metadata)
    _dump(folder / _RECORDS, {key: [_listed(one) for one in records] for key, records in sorted(puts.items())})


def load(folder: Path) -> tuple[MemoryStore, Puts]:
    """Read it again, into memory."""
    store, metadata = MemoryStore(), json.loads((folder / _METADATA).read_text())
    root = folder / _BUCKET
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        key = path.relative_to(root).as_posix()
        store.objects[key] = (path.read_bytes(), metadata.get(key, {}))
    puts = json.loads((folder / _RECORDS).read_text())
    return store, {key: [_record(one) for one in records] for key, records in puts.items()}


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def _listed(record: Record) -> list[Any]:
    payload = b64encode(record.payload).decode()
    return [payload, record.partition_key, record.sequence_number, record.sub_sequence_number, record.arrival_ms]


def _record(listed: list[Any]) -> Record:
    payload, key, sequence, sub, arrival_ms = listed
    return Record(b64decode(payload), key, sequence, arrival_ms, sub)
