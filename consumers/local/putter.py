"""Puts records into a stream at a given rate, and adds each acknowledged one to a ledger.

It needs only the permission ``kinesis:PutRecords``.
"""

import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from botocore.exceptions import ConnectionError as NotConnected
from botocore.exceptions import HTTPClientError

from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.simulator import Produced

_LOG = logging.getLogger(__name__)

# Limits of PutRecords.
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 5 * 1024 * 1024
# A slow rate is put in this many calls per second, so that records arrive evenly.
_CALLS_PER_S = 10
_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 5.0


class KinesisClient(Protocol):
    """The one call of boto3's Kinesis client that is used. The client's own retries must be off."""

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """See the service's reference."""


def batches(records: Iterable[Produced], max_records: int) -> Iterator[list[Produced]]:
    """Group ``records``, in order, within the limits of one call."""
    batch: list[Produced] = []
    size_bytes = 0
    for record in records:
        record_bytes = len(record.data) + len(record.partition_key.encode())
        if batch and (len(batch) >= max_records or size_bytes + record_bytes > MAX_BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(record)
        size_bytes += record_bytes
    if batch:
        yield batch


class Putter:
    """Puts ``rate`` records per second; 0 means as fast as the stream takes them."""

    def __init__(self, client: KinesisClient, stream: str, ledger: Ledger, rate: float) -> None:
        """Store the stream to put into, and the ledger."""
        self._client = client
        self._stream = stream
        self._ledger = ledger
        self._rate = rate
        self._dice = random.Random()

    def put(self, records: Iterable[Produced], stop: threading.Event) -> None:
        """Put all ``records``, or fewer if ``stop`` is set.

        Raises:
            botocore.exceptions.ClientError: the stream refused a whole call for good.
        """
        a_tenth = int(self._rate / _CALLS_PER_S)
        max_records = max(1, min(MAX_BATCH_RECORDS, a_tenth or MAX_BATCH_RECORDS))
        due = time.monotonic()
        for batch in batches(records, max_records):
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            self._put_whole(batch, stop)
            if self._rate:
                due += len(batch) / self._rate

    def _put_whole(self, batch: Sequence[Produced], stop: threading.Event) -> None:
        """Send failed items again, and only those, until none is left."""
        attempt = 0
        while batch := self._put_once(batch):
            delay_s = self._dice.uniform(0, min(_MAX_BACKOFF_S, _BACKOFF_S * 2**attempt))
            attempt += 1
            if stop.wait(delay_s):
                return

    def _put_once(self, batch: Sequence[Produced]) -> Sequence[Produced]:
        items = [{"PartitionKey": key, "Data": data} for key, data, _ in batch]
        try:
            answer = self._client.put_records(StreamName=self._stream, Records=items)
        except (NotConnected, HTTPClientError) as fault:
            _LOG.warning("PutRecords gave no answer, sending again: %s", type(fault).__name__)
            self._ledger.doubt(sha256_of(record.data) for record in batch)
            return batch
        return [
            record for record, result in zip(batch, answer["Records"], strict=True) if not self._entered(record, result)
        ]

    def _entered(self, record: Produced, result: dict[str, Any]) -> bool:
        if result.get("ErrorCode"):
            return False
        self._ledger.add(
            Entry(
                shard=result["ShardId"],
                sequence=int(result["SequenceNumber"]),
                sha256=sha256_of(record.data),
                length=len(record.data),
                partition_key=record.partition_key,
                kind=record.kind,
            )
        )
        return True
