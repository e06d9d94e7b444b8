"""The demonstration's own access to the account. It shares no code with what it audits."""

from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from consumers.local.plan import EMBEDDED_REGION, Plan


class Lease(NamedTuple):
    """A row of KCL's lease table."""

    shard: str
    checkpoint: str
    owner: str | None

    def covers(self, newest: int) -> int:
        """Return the sequence number up to which the shard is done; ``newest`` once the shard has ended."""
        if self.checkpoint.isdigit():
            return int(self.checkpoint)
        return newest if self.checkpoint == "SHARD_END" else -1


class Account:
    """Kinesis, DynamoDB and S3 of one plan."""

    def __init__(self, plan: Plan) -> None:
        """Make the clients. No call is made yet."""
        self._plan = plan
        options: dict[str, Any] = {"region_name": plan.region, "endpoint_url": plan.endpoint}
        if plan.embedded:
            options |= {"aws_access_key_id": "embedded", "aws_secret_access_key": "embedded"}
        # A retry inside PutRecords' client would put records twice without the ledger's knowledge.
        once = Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5)
        retried = Config(retries={"mode": "standard", "total_max_attempts": 5})
        self.putting = boto3.client("kinesis", config=once, **options)
        self._kinesis = boto3.client("kinesis", config=retried, **options)
        self._dynamodb = boto3.client("dynamodb", config=retried, **options)
        self._s3 = boto3.client("s3", config=retried, **options)

    def prepare(self) -> bool:
        """Create the stream and the bucket if they do not exist.

        Returns:
            Whether the stream is new.
        """
        self._create_bucket()
        try:
            self._kinesis.create_stream(StreamName=self._plan.stream, ShardCount=self._plan.shards)
        except self._kinesis.exceptions.ResourceInUseException:
            return False
        self._kinesis.get_waiter("stream_exists").wait(
            StreamName=self._plan.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        return True

    def _create_bucket(self) -> None:
        place = {"CreateBucketConfiguration": {"LocationConstraint": self._plan.region}}
        elsewhere: dict[str, Any] = {} if self._plan.region == EMBEDDED_REGION else place
        try:
            self._s3.head_bucket(Bucket=self._plan.bucket)
        except ClientError as fault:
            if fault.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
            self._s3.create_bucket(Bucket=self._plan.bucket, **elsewhere)

    def leases(self, application: str) -> list[Lease]:
        """List all leases of an application. The list is empty before its table exists."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=application, ConsistentRead=True)
        try:
            rows = [row for page in pages for row in page["Items"]]
        except self._dynamodb.exceptions.ResourceNotFoundException:
            return []
        return [_lease(row) for row in rows if "checkpoint" in row]

    def objects(self, prefix: str) -> dict[str, int]:
        """List every key under a prefix of the bucket, with its size in bytes."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._plan.bucket, Prefix=f"{prefix}/")
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def get(self, key: str) -> bytes:
        """Read the bytes of an object."""
        body: bytes = self._s3.get_object(Bucket=self._plan.bucket, Key=key)["Body"].read()
        return body


class Kept:
    """An account whose objects are also copied to a directory, if one is given."""

    def __init__(self, account: Account, directory: Path | None) -> None:
        """Read from ``account``."""
        self._account = account
        self._directory = directory

    def get(self, key: str) -> bytes:
        """Read the bytes of an object."""
        body = self._account.get(key)
        if self._directory is not None:
            copy = self._directory / key
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(body)
        return body


def _lease(row: dict[str, Any]) -> Lease:
    owner = row.get("leaseOwner", {}).get("S")
    return Lease(row["leaseKey"]["S"], row["checkpoint"]["S"], owner)
