"""Corrects moto's model of Kinesis, in the embedded server only.

moto 5.2 copies the list of a shard's records to find the newest one at every put, and scans it from
the oldest record at every read. So both take time in the square of a shard's size. Here the records
are in a list with their sequence numbers beside them, and are found by bisection.

It also adds four properties of the real service that KCL and a consumer rely on:

- sequence numbers of the real form, of 56 digits and with gaps;
- a resharded parent that keeps its records and ends (``NextShardIterator`` absent, ``ChildShards``
  present);
- a GetRecords that returns at most 10 MiB;
- records without a partition key, on every stream, as on one that distributes its records itself:
  they are put and read without a key.
"""

import hashlib
import itertools
import json
import logging
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import moto
from moto.kinesis import models, responses
from moto.kinesis.utils import decompose_shard_iterator

_LOG = logging.getLogger(__name__)

_KNOWN_VERSIONS = ("5.2.",)
_MAX_READ_BYTES = 10 * 1024 * 1024
_MAX_READ_RECORDS = 10_000
_BASE64_GROWTH = 4 / 3

_VERSION = 2
_turns = itertools.count()  # for records without a key, which may go to any shard


class Shard(models.Shard):
    """A shard whose puts and reads take the same time however many records it holds."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open an empty shard. The arguments are moto's."""
        super().__init__(*arguments, **options)
        self._log: list[models.Record] = []
        self._sequences: list[int] = []
        self._lock = threading.Lock()
        self._began_s = int(time.time())
        self._next = self._start = self._number(0)

    def _number(self, ordinal: int) -> int:
        """Return a sequence number of the real service's form; see ``consumers/sequence.py``."""
        began = _VERSION << 184 | self._began_s << 148 | (self._shard_id & 15) << 144
        return began | ordinal << 80 | int(time.time()) << 36 | self._shard_id << 4 | _VERSION

    def put_record(self, partition_key: str | None, data: str, explicit_hash_key: str) -> str:
        """Append a record. Safe for concurrent requests."""
        with self._lock:
            self._next = self._number(len(self._log) + 1)
            record = models.Record(partition_key, data, self._next, explicit_hash_key)  # type: ignore[arg-type]
            self._log.append(record)
            self._sequences.append(self._next)
            return str(self._next)

    def get_records(self, last_sequence_id: str, limit: int | None) -> tuple[list[models.Record], int, int]:
        """Return the records after ``last_sequence_id``, the number of the last one, and the lag in ms."""
        after = int(last_sequence_id)
        begin = bisect_right(self._sequences, after)
        found = list(self._bounded(begin, limit or _MAX_READ_RECORDS))
        if not found:
            return [], after, 0
        behind_s = self._log[-1].created_at - found[-1].created_at
        return found, found[-1].sequence_number, int(behind_s * 1000)

    def _bounded(self, begin: int, limit: int) -> Iterator[models.Record]:
        size_bytes = 0.0
        for record in self._log[begin : begin + limit]:
            size_bytes += len(record.data) / _BASE64_GROWTH
            if size_bytes > _MAX_READ_BYTES:
                return
            yield record

    def exhausted(self, last_sequence_id: str) -> bool:
        """Return whether the shard is closed and has no records after ``last_sequence_id``."""
        read = bisect_right(self._sequences, int(last_sequence_id))
        return not self.is_open and read == len(self._sequences)

    def get_min_sequence_number(self) -> int:
        """Return the number of the shard's start, even if it is empty."""
        return self._start

    def get_max_sequence_number(self) -> int:
        """Return the newest record's number, or that of the shard's start if it is empty."""
        return self._next

    def get_sequence_number_at(self, at_timestamp: float) -> int:
        """Return the number of the last record before ``at_timestamp`` (seconds), or 0 if there is none."""
        index = bisect_left(self._log, at_timestamp, key=attrgetter("created_at"))
        return self._sequences[index - 1] if index else 0


class Stream(models.Stream):
    """A stream whose closed shards keep their records and accept no more."""

    def get_shard_for_key(self, partition_key: str | None, explicit_hash_key: str) -> models.Shard | None:
        """Return the open shard whose range holds the key's hash. moto's own method may return a closed one."""
        key = str(next(_turns)) if partition_key is None else partition_key
        super().get_shard_for_key(key, explicit_hash_key)  # refuses bad keys
        hashed = int(explicit_hash_key) if explicit_hash_key else _hash(key)
        shards = self.shards.values()
        return next(s for s in shards if s.is_open and s.starting_hash <= hashed <= s.ending_hash)

    def children(self, shard_id: str) -> list[dict[str, Any]]:
        """List the child shards of ``shard_id``, as GetRecords returns them."""
        return [
            {
                "ShardId": shard.shard_id,
                "ParentShards": [p for p in (shard.parent, shard.adjacent_parent) if p],
                "HashKeyRange": shard.to_json()["HashKeyRange"],
            }
            for shard in self.shards.values()
            if shard_id in (shard.parent, shard.adjacent_parent)
        ]


def _get_records(response: responses.KinesisResponse) -> str:
    """Return the answer to GetRecords as JSON. moto's general serializer takes ten times as long as the read itself.

    At the end of a closed shard there is no next iterator, but the list of its children.
    """
    names = ("StreamARN", "ShardIterator", "Limit")
    arn, iterator, limit = map(response._get_param, names)  # noqa: SLF001 - moto's own way
    following, records, behind_ms = response.kinesis_backend.get_records(arn, iterator, limit)
    answer: dict[str, Any] = {
        "Records": [_document(record) for record in records],
        "MillisBehindLatest": behind_ms,
    }
    name, shard_id, last = decompose_shard_iterator(following)
    stream = response.kinesis_backend.describe_stream(arn, name)
    if stream.shards[shard_id].exhausted(last):  # type: ignore[attr-defined]
        answer["ChildShards"] = stream.children(shard_id)  # type: ignore[attr-defined]
    else:
        answer["NextShardIterator"] = following
    return json.dumps(answer)


def _document(record: models.Record) -> dict[str, Any]:
    key = {} if record.partition_key is None else {"PartitionKey": record.partition_key}
    return {
        "Data": record.data,
        **key,
        "SequenceNumber": str(record.sequence_number),
        "ApproximateArrivalTimestamp": int(record.created_at * 1000) / 1000,
    }


def _put_record(  # noqa: PLR0913, PLR0917 - as moto calls it
    backend: models.KinesisBackend,
    stream_arn: str,
    stream_name: str,
    partition_key: str | None,
    explicit_hash_key: str | None,
    data: str,
) -> tuple[str, str]:
    """Put one record by PutRecords, which accepts a record without a key."""
    given = {"PartitionKey": partition_key, "ExplicitHashKey": explicit_hash_key, "Data": data}
    record = {name: value for name, value in given.items() if value is not None}
    (put,) = backend.put_records(stream_arn, stream_name, [record])["Records"]
    return put["SequenceNumber"], put["ShardId"]


def _hash(partition_key: str) -> int:
    return int(hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest(), 16)


def apply() -> bool:
    """Replace moto's classes by the corrected ones, in this process.

    Returns:
        Whether it was done: a version of moto that was not tested with these classes is left unchanged.
    """
    if not moto.__version__.startswith(_KNOWN_VERSIONS):
        _LOG.warning(
            "moto %s is not the version this patch was made for: it runs unpatched, slow with "
            "more than some 50,000 records; install moto 5.2 to mend that",
            moto.__version__,
        )
        return False
    models.Shard = Shard  # type: ignore[misc]
    models.Stream = Stream  # type: ignore[misc]
    models.KinesisBackend.put_record = _put_record  # type: ignore[method-assign,assignment]
    responses.KinesisResponse.get_records = _get_records  # type: ignore[method-assign,assignment]
    return True
