"""The baseline: an archive consumer as a good team writes it on amazon_kclpy's own interface.

One gzip object for each so many records, then a checkpoint at the last one.
Arguments: bucket, prefix, S3 endpoint, records an object.
"""

import gzip
import sys
from typing import Any

import boto3
from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

GZIP_LEVEL = 6


class Archiver(processor.RecordProcessorBase):  # type: ignore[misc]
    """Stores each batch of one shard."""

    def __init__(self, bucket: str, prefix: str, endpoint: str, records: str) -> None:
        """Connect to the bucket."""
        self._due = int(records)
        self._pending: list[Any] = []
        self._s3 = boto3.client("s3", endpoint_url=endpoint)
        self._bucket = bucket
        self._prefix = prefix
        self._shard = ""

    def initialize(self, initialize_input: Any) -> None:
        """Keep the shard's name."""
        self._shard = initialize_input.shard_id

    def process_records(self, process_records_input: Any) -> None:
        """Store what has come together, then checkpoint."""
        self._pending += process_records_input.records
        if len(self._pending) < self._due:
            return
        records, self._pending = self._pending, []
        body = b"\n".join(record.binary_data for record in records) + b"\n"
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}/{self._shard}/{records[0].sequence_number}.ndjson.gz",
            Body=gzip.compress(body, GZIP_LEVEL),
        )
        last = records[-1]
        process_records_input.checkpointer.checkpoint(last.sequence_number, last.sub_sequence_number)

    def lease_lost(self, lease_lost_input: Any) -> None:
        """Do nothing: what is not stored is delivered again."""

    def shard_ended(self, shard_ended_input: Any) -> None:
        """Let the shard's children start."""
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: Any) -> None:
        """Do nothing: what is not checkpointed is delivered again."""


if __name__ == "__main__":
    kcl.KCLProcess(Archiver(*sys.argv[1:])).run()
