"""Reads an index and its dead letters back, and holds them against what a shard held."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from consumers.letters.keys import LetterPlace
from consumers.letters.letter import Letter
from consumers.letters.store import DeadLetters
from consumers.records import Record
from consumers.s3.store import BucketAccess, S3Store
from tests.support.archive import BUCKET
from tests.support.search import SearchNode
from tests.support.servers import KEYS, Server

STREAM, APPLICATION = "events", "app"
FIRST = "shardId-000000000000"


INDICES = "test-events-*"


def ids_in(node: SearchNode, indices: str = INDICES) -> list[str]:
    """Give the ids of every document; one that stands in two indices comes twice."""
    return [hit["_id"] for hit in node.hits(indices)]


def write_index_properties(folder: Path, s3: str, search: str, **more: object) -> Path:
    """Write a consumer's properties; KCL's endpoints lead nowhere unless a test says more."""
    values = {
        "consumer": "elasticsearch_index",
        "streamName": STREAM,
        "applicationName": APPLICATION,
        "regionName": KEYS["AWS_DEFAULT_REGION"],
        "kinesisEndpoint": "http://127.0.0.1:9",
        "workerId": "worker-1",
        "index.url": search,
        "index.name": "test-events-%Y.%m.%d",
        "index.maxRecords": 25,
        "index.maxAgeSeconds": 1,
        "index.requestSeconds": 5,
        "index.deadLetters.bucket": BUCKET,
        "index.deadLetters.endpoint": s3,
        "index.deadLetters.region": KEYS["AWS_DEFAULT_REGION"],
        **more,
    }
    path = folder / "elasticsearch_index.properties"
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    return path


def letters_of(server: Server, bucket: str = BUCKET, application: str = APPLICATION) -> list[Letter]:
    """Read all dead letters, doubles included."""
    store = S3Store(BucketAccess(bucket, KEYS["AWS_DEFAULT_REGION"], server.endpoint))
    letters = DeadLetters(store, LetterPlace("dead-letters", application))
    return [letter for stored in letters.entries() for letter in letters.read(stored.key) or ()]


def id_of(record: Record, shard: str = FIRST, stream: str = STREAM) -> str:
    """Name the document of a record."""
    return f"{stream}:{shard}:{record.sequence_number}:{record.sub_sequence_number}"


def index_faults(
    documents: Iterable[str], letters: Sequence[Letter], records: Iterable[str], *, bad: Mapping[str, str] | None = None
) -> list[str]:
    """Say what is wrong: nothing if each record is one document, or one dead letter, and nothing else is there.

    `documents` and `records` are ids; `bad` says which records must be dead letters, and for what reason ("" for any).
    """
    standing = Counter(documents)
    dead = {f"{one.stream}:{one.shard}:{one.sequence}:{one.sub}": one for one in letters}
    expected = set(records)
    bad = bad or {}
    faults = [f"doubled {one}" for one, count in standing.items() if count > 1]
    faults += [f"lost {one}" for one in expected if one not in standing and one not in dead]
    faults += [f"both {one}" for one in standing if one in dead]
    faults += [f"unexpected {one}" for one in (*standing, *dead) if one not in expected]
    faults += [f"indexed, though bad: {one}" for one in bad if one in standing]
    faults += [f"dead letter for no reason: {one} ({letter.reason})" for one, letter in dead.items() if one not in bad]
    faults += [
        f"reason of {one}: {dead[one].reason} instead of {reason}"
        for one, reason in bad.items()
        if reason and one in dead and dead[one].reason != reason
    ]
    return faults
