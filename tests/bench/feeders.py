"""The programs that the index benchmark compares, each in a process of its own: the same documents, the same ids.

Records are made, requests prepared and connections opened before the clock starts; decoding the payloads is in it.
"""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import opensearchpy
from isal import igzip
from opensearchpy import helpers

from consumers.config.consumer import ShardContext
from consumers.config.settings import load
from consumers.documents.decode import Limits
from consumers.logs import configure, logger
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.records import Record
from consumers.registry import CONSUMERS
from consumers.search.batcher import gathered
from consumers.search.bulk import PATH
from consumers.search.judge import Judge
from consumers.search.shape import Shape
from consumers.waiting import Patience
from tests.bench import contenders, events, lines, services

INDICES = "bench-events-%Y"
REQUEST_BYTES = 5 << 20  # the default of index.maxBytes


@dataclass(frozen=True, slots=True)
class Job:
    """What one process feeds: `records` of one shard, into an index."""

    directory: Path
    s3: str
    search: str
    index: str
    shard: int
    records: int

    @property
    def shard_id(self) -> str:
        """The shard's name."""
        return f"shardId-{self.shard:012d}"

    def id_of(self, record: Record) -> str:
        """Name a record's document."""
        return f"{services.STREAM}:{self.shard_id}:{record.sequence_number}:{record.sub_sequence_number}"

    def source_of(self, record: Record) -> dict[str, Any]:
        """Give a record's document."""
        return {"@timestamp": record.arrival_ms, **json.loads(record.payload)}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process used: CPU seconds, and from when to when in monotonic seconds."""

    cpu_s: float
    begun_s: float
    ended_s: float


Feeder = Callable[[Job], Spent]


def ours(job: Job) -> Spent:
    """Feed the pipeline that the consumer builds for a shard, as the daemon's messages would."""
    os.environ.update(services.ENVIRONMENT)
    configure("error")
    settings = load(contenders.index_properties(job.directory, job.s3, job.search, job.index), CONSUMERS)
    log = logger()
    patience = Patience(time.sleep, time.monotonic, log)
    build = CONSUMERS[settings.consumer].build(settings)
    pipeline: Pipeline[Any] = build(ShardContext(job.shard_id, Start(None, "TRIM_HORIZON"), patience, log))
    records = records_of(job.records)

    def feed(run: list[Record]) -> None:
        for first in range(0, len(run), lines.LINE_RECORDS):
            pipeline.offer(run[first : first + lines.LINE_RECORDS], time.monotonic())
        pipeline.drain(time.monotonic())

    feed(records[:1])  # the shard's beginning is written down, once, and the connections stand
    return _timed(lambda: feed(records[1:]))


def helpers_defaults(job: Job) -> Spent:
    """Feed `helpers.bulk` as it comes."""
    return _helpers(job, opensearchpy.OpenSearch(job.search))


def helpers_tuned(job: Job) -> Spent:
    """Feed `helpers.bulk` with gzip, and requests as large as ours."""
    client = opensearchpy.OpenSearch(job.search, http_compress=True)
    return _helpers(job, client, chunk_size=job.records, max_chunk_bytes=REQUEST_BYTES)


def prepared(job: Job) -> Spent:
    """Post our requests, made beforehand: what the server takes from a client that costs next to nothing."""
    bodies = list(_requests(job))
    connection = http.client.HTTPConnection(urlsplit(job.search).netloc)
    connection.connect()
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

    def feed() -> None:
        for body in bodies:
            connection.request("POST", PATH, body, headers)
            connection.getresponse().read()

    return _timed(feed)


FEEDERS: dict[str, Feeder] = {
    "ours": ours,
    "helpers.bulk": helpers_defaults,
    "helpers.bulk, gzip": helpers_tuned,
    "prepared": prepared,
}


@cache
def records_of(count: int) -> list[Record]:
    """Give a shard's records."""
    payloads = events.generate()
    return [
        Record(payloads[at % len(payloads)], "key", lines.sequence_number(at), events.START_MS + at)
        for at in range(count)
    ]


def judge_of(index: str, shard: str) -> Judge:
    """Give our judge, with nothing configured."""
    return Judge(services.STREAM, shard, lambda _hour: index, Shape(), Limits())


def _helpers(job: Job, client: opensearchpy.OpenSearch, **options: Any) -> Spent:
    records = records_of(job.records)

    def actions() -> Iterator[dict[str, Any]]:
        for record in records:
            yield {
                "_op_type": "create",
                "_index": job.index,
                "_id": job.id_of(record),
                "_source": job.source_of(record),
            }

    client.info()  # the connection stands
    return _timed(lambda: helpers.bulk(client, actions(), **options))


def _requests(job: Job) -> Iterator[bytes]:
    part, size = list[bytes](), 0
    for entry in gathered(records_of(job.records), judge_of(job.index, job.shard_id).judge).documents:
        part.append(entry.lines)
        size += len(entry.lines)
        if size >= REQUEST_BYTES:
            yield igzip.compress(b"".join(part), 1)
            part, size = [], 0
    if part:
        yield igzip.compress(b"".join(part), 1)


def _timed(call: Callable[[], object]) -> Spent:
    begun_s, before_s = time.monotonic(), time.process_time()
    call()
    return Spent(time.process_time() - before_s, begun_s, time.monotonic())
