"""Puts records into a stage's stream, and knows what the stream has acknowledged."""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

import boto3
from aws_kinesis_agg.aggregator import RecordAggregator, messages_pb2
from botocore.config import Config

from consumers.kcl.aggregates import MAGIC
from consumers.local import simulator
from consumers.local.ledger import Ledger, sha256_of
from consumers.local.putter import Putter
from consumers.local.simulator import Produced
from consumers.records import Position
from tests.daemon.audit import Expected, Place, Put
from tests.daemon.stage import Stage
from tests.support.real_daemon import LIVENESS_S
from tests.support.servers import KEYS

HASH_KEYS = ("0", str(2**128 - 1))
"""Explicit hash keys of the first and the last shard of a stream of two."""


class Flow:
    """Records on their way into the stream, with a ledger of what the stream has acknowledged."""

    def __init__(self, stage: Stage, rate: float, records: Iterable[Produced]) -> None:
        once = Config(retries={"total_max_attempts": 1}, read_timeout=60)  # or it would put twice without a word
        client = boto3.client("kinesis", KEYS["AWS_DEFAULT_REGION"], endpoint_url=stage.server.endpoint, config=once)
        self.ledger = Ledger()
        self._putter = Putter(client, stage.name, self.ledger, rate)
        self._records = records
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: self._putter.put(self._records, self._stop), daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> Ledger:
        """Put no more; what the stream holds."""
        self._stop.set()
        return self.all_put()

    def all_put(self) -> Ledger:
        """Wait for the last record."""
        self._thread.join(LIVENESS_S)
        assert not self._thread.is_alive()
        assert not self.ledger.unsure, "the stream gave no answer: nobody knows what it holds"
        return self.ledger


@contextmanager
def flowing(stage: Stage, records: Iterable[Produced] | None = None, rate: float = 1500.0) -> Iterator[Flow]:
    """Put records in a thread until the block ends or there are no more; the simulated players' if none are given."""
    flow = Flow(stage, rate, play() if records is None else records)
    flow.begin()
    try:
        yield flow
    finally:
        flow.end()


def play(count: int | None = None) -> Iterator[Produced]:
    """Give so many records of the simulated players, or records without end."""
    return islice(simulator.play(7), count)


def last_of(ledger: Ledger) -> dict[str, Position]:
    """Give the position of each shard's last record."""
    return {shard: Position(sequence, 0) for shard, sequence in ledger.newest().items()}


def put_to(stage: Stage, shard: int, payloads: Sequence[bytes]) -> dict[Place, Put]:
    """Put into one of two shards, at most 500 payloads; what to expect."""
    keys = [f"key-{index % 7}" for index in range(len(payloads))]
    records = [
        {"Data": payload, "PartitionKey": key, "ExplicitHashKey": HASH_KEYS[shard]}
        for key, payload in zip(keys, payloads, strict=True)
    ]
    answer = stage.server.client("kinesis").put_records(StreamName=stage.name, Records=records)
    assert not answer["FailedRecordCount"]
    return {
        Place(put["ShardId"], Position(int(put["SequenceNumber"]), 0)): Put(key, sha256_of(payload))
        for put, key, payload in zip(answer["Records"], keys, payloads, strict=True)
    }


def put_without_keys(stage: Stage, count: int, every: int) -> dict[Place, Put]:
    """Put so many records, of which one in so many has no partition key; what to expect."""
    expected: dict[Place, Put] = {}
    kinesis = stage.server.client("kinesis")
    for begin in range(0, count, 500):
        wanted = [
            Put(None if number % every == 0 else f"key-{number % 7}", sha256_of(b"%d" % number))
            for number in range(begin, min(begin + 500, count))
        ]
        records = [
            {"Data": b"%d" % number} | ({} if put.partition_key is None else {"PartitionKey": put.partition_key})
            for number, put in enumerate(wanted, begin)
        ]
        answer = kinesis.put_records(StreamName=stage.name, Records=records)
        assert not answer["FailedRecordCount"]
        for put, at in zip(wanted, answer["Records"], strict=True):
            expected[Place(at["ShardId"], Position(int(at["SequenceNumber"]), 0))] = put
    return expected


def put_aggregate(stage: Stage, shard: int, payloads: Sequence[bytes], *, keyless: bool = False) -> dict[Place, Put]:
    """Put one aggregate, as the Kinesis Producer Library makes it, into one of two shards; what to expect.

    `keyless`: the record that holds them has no key of its own.
    """
    aggregator = RecordAggregator()
    keys = [f"ключ-{index % 7}" for index in range(len(payloads))]
    for key, payload in zip(keys, payloads, strict=True):
        aggregator.add_user_record(key, payload, HASH_KEYS[shard])
    first, hash_key, data = aggregator.clear_and_get().get_contents()
    outer = {} if keyless else {"PartitionKey": first}
    answer = stage.server.client("kinesis").put_record(
        StreamName=stage.name, Data=data, ExplicitHashKey=hash_key, **outer
    )
    at = int(answer["SequenceNumber"])
    return {
        Place(answer["ShardId"], Position(at, sub)): Put(key, sha256_of(payload))
        for sub, (key, payload) in enumerate(zip(keys, payloads, strict=True))
    }


def put_mixed(stage: Stage, count: int) -> None:
    """Put an aggregate of as many keys into each of two shards, as AWS's library for Python makes it by itself."""
    for hash_key in HASH_KEYS:
        aggregator = RecordAggregator()
        for number in range(count):
            aggregator.add_user_record(f"key-{number}", b"never delivered")
        first, _, data = aggregator.clear_and_get().get_contents()
        stage.server.client("kinesis").put_record(
            StreamName=stage.name, Data=data, PartitionKey=first, ExplicitHashKey=hash_key
        )


def put_damaged(stage: Stage) -> None:
    """Put an aggregate whose user record names a key that is not there into each of two shards."""
    message = messages_pb2.AggregatedRecord()
    message.records.add(partition_key_index=0, data=b"never delivered")
    body = message.SerializeToString()
    data = MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()
    for hash_key in HASH_KEYS:
        stage.server.client("kinesis").put_record(
            StreamName=stage.name, Data=data, PartitionKey="key", ExplicitHashKey=hash_key
        )


def last_in(expected: Expected) -> Mapping[str, Position]:
    """Give the position of each shard's last record."""
    return {place.shard: place.position for place in sorted(expected)}
