"""The real child of the search index: its records, what is delivered to it, and what stands in the end."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from consumers.records import Record
from tests.support.bad_events import good_event
from tests.support.fake_daemon import Child, Lease, new_records
from tests.support.indexing import id_of, ids_in, index_faults, letters_of
from tests.support.proxy import Call
from tests.support.search import SearchNode
from tests.support.servers import KEYS, ROOT, Server


def events(count: int, begin: int = 0) -> list[Record]:
    """Make records of good events."""
    made = new_records(count, begin=begin)
    return [
        Record(good_event(number), record.partition_key, record.sequence_number, record.arrival_ms, 0)
        for number, record in enumerate(made, begin)
    ]


def holding(payloads: list[bytes]) -> list[Record]:
    """Make records of these payloads."""
    made = new_records(len(payloads))
    return [
        Record(payload, record.partition_key, record.sequence_number, record.arrival_ms, 0)
        for payload, record in zip(payloads, made, strict=True)
    ]


@contextmanager
def started(properties: Path, records: list[Record]) -> Iterator[Child]:
    """Give a shard with these records to a child."""
    with Child(properties, Lease(records=records)) as child:
        child.initialize()
        yield child


def drained(child: Child) -> None:
    """Deliver everything, and ask for a drain."""
    while child.deliver(1000):
        pass
    child.exchange({"action": "shutdownRequested"})


def served_aside(child: Child) -> threading.Thread:
    """Do the same in a thread, while the test looks at what the child waits for."""
    thread = threading.Thread(target=drained, args=(child,), daemon=True)
    thread.start()
    return thread


def joined(thread: threading.Thread) -> None:
    """Wait for it."""
    thread.join(90)
    assert not thread.is_alive()


def exact(node: SearchNode, server: Server, records: list[Record], **bad: Any) -> list[str]:
    """Hold the index and the dead letters against the records."""
    return index_faults(ids_in(node), letters_of(server), map(id_of, records), **bad)


def bulk_ids(call: Call) -> list[str]:
    """Give the ids of a bulk request that went through the proxy."""
    return [json.loads(line)["create"]["_id"] for line in gzip.decompress(call.body).splitlines()[::2]]


def fleet(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "consumers", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **KEYS}, capture_output=True, text=True, check=False)


def is_bulk(call: Call) -> bool:
    """Whether a call is a bulk request."""
    return call.path.startswith("/_bulk")
