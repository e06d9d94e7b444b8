"""A bucket behind the chain's `ObjectStore`: five calls, each bounded in time, tried again by the caller only."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as EndpointUnreachable,
)

from consumers.s3.outcomes import ABSENT, EXISTS, unavailable
from consumers.waiting import Unavailable

CONNECT = "connect"
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class BucketAccess:
    """How to reach a bucket, and what to ask of it for each object. Empty strings leave it to the bucket."""

    bucket: str
    region: str = ""
    endpoint: str = ""
    storage_class: str = ""
    sse: str = ""
    kms_key_id: str = ""
    expected_owner: str = ""


class S3Store:
    """Reads and writes one bucket."""

    def __init__(self, access: BucketAccess) -> None:
        """Make the client; nothing is sent yet.

        Raises:
            Unavailable: there is no region.

        """
        self.access = access
        self._bucket = access.bucket
        self._owner = {"ExpectedBucketOwner": access.expected_owner} if access.expected_owner else {}
        options = {
            "StorageClass": access.storage_class,
            "ServerSideEncryption": access.sse,
            "SSEKMSKeyId": access.kms_key_id,
        }
        self._put_options = {name: value for name, value in options.items() if value}
        self._clock_offset_s = 0.0
        self._client = self._connect(access)

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists. S3 verifies the digest on arrival."""
        answer = self._call(
            "PutObject",
            key,
            lambda: self._put(key, body, sha256, IfNoneMatch="*", Metadata=dict(metadata)),
            EXISTS,
        )
        return answer is not None

    def replace(self, key: str, body: bytes) -> None:
        """Store an object, whatever stands there."""
        self._call("PutObject", key, lambda: self._put(key, body, hashlib.sha256(body).digest()), frozenset())

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return an object's user metadata, or None if there is no such object."""
        head = self._client.head_object
        answer = self._call("HeadObject", key, lambda: head(Bucket=self._bucket, Key=key, **self._owner), ABSENT)
        return None if answer is None else answer["Metadata"]

    def find(self, key: str) -> bytes | None:
        """Return an object's bytes, or None if there is no such object."""
        get = self._client.get_object
        answer = self._call("GetObject", key, lambda: _read(get(Bucket=self._bucket, Key=key, **self._owner)), ABSENT)
        return None if answer is None else answer["Bytes"]

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            KeyError: there is no such object.

        """
        body = self.find(key)
        if body is None:
            message = f"there is no object {key} in bucket {self._bucket}"
            raise KeyError(message)
        return body

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with a prefix, in the order of their bytes, a page at a time."""
        more: dict[str, str] = {}
        while True:
            page = self._call(
                "ListObjectsV2",
                prefix,
                lambda more=more: self._client.list_objects_v2(  # type: ignore[misc]
                    Bucket=self._bucket, Prefix=prefix, **more, **self._owner
                ),
                frozenset(),
            )
            assert page is not None  # noqa: S101 - no code counts as an answer above
            yield from (entry["Key"] for entry in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def now_ms(self) -> int:
        """Return the time by the store's last answer plus what has passed since: the host's clock is not trusted."""
        return int((time.monotonic() + self._clock_offset_s) * 1000)

    def _put(self, key: str, body: bytes, sha256: bytes, **more: object) -> dict[str, Any]:
        checksum = base64.b64encode(sha256).decode()
        answer: dict[str, Any] = self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body, ChecksumSHA256=checksum, **more, **self._put_options, **self._owner
        )
        return answer

    def _connect(self, access: BucketAccess) -> Any:  # noqa: ANN401 - botocore's clients have no types
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 1},  # the caller waits with jitter and says so
            max_pool_connections=1,
            tcp_keepalive=True,
            request_checksum_calculation="when_required",  # ours is the stronger one
            response_checksum_validation="when_required",
            s3={
                "addressing_style": "path" if access.endpoint else "auto",
                "payload_signing_enabled": False,  # each body's digest is a signed header already
            },
            parameter_validation=False,  # ours are made here; it costs a fifth of a call
        )
        self._clock_offset_s = time.time() - time.monotonic()
        try:
            session = botocore.session.Session()
            client = session.create_client(
                "s3", region_name=access.region or None, endpoint_url=access.endpoint or None, config=config
            )
        except (BotoCoreError, ValueError) as fault:
            raise _unreachable(CONNECT, access.endpoint or "AWS", fault) from fault
        client.meta.events.register("before-call.s3", _follow_no_redirect)
        return client

    def _call(
        self, operation: str, key: str, call: Callable[[], dict[str, Any]], answers: frozenset[str]
    ) -> dict[str, Any] | None:
        where = f"s3://{self._bucket}/{key}"
        try:
            answer = call()
        except ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", "unknown"))
            meta = fault.response.get("ResponseMetadata", {})
            self._set_clock(meta)
            if code in answers:
                return None
            raise unavailable(operation, where, code, int(meta.get("HTTPStatusCode", 0))) from fault
        except BotoCoreError as fault:
            raise _unreachable(operation, where, fault) from fault
        self._set_clock(answer.get("ResponseMetadata", {}))
        return answer

    def _set_clock(self, meta: Mapping[str, Any]) -> None:
        date = meta.get("HTTPHeaders", {}).get("date")
        if date:
            self._clock_offset_s = parsedate_to_datetime(date).timestamp() - time.monotonic()


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Tell of a wrong region instead of asking for the right one each time: without an answer, that goes in circles."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    answer["Bytes"] = answer["Body"].read()
    return answer


def _unreachable(operation: str, where: str, fault: Exception) -> Unavailable:
    reason = f"{operation} {where}: {type(fault).__name__}"
    if isinstance(fault, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)):
        return Unavailable(reason, "give the process AWS credentials: an instance profile, or AWS_*", operator=True)
    if isinstance(fault, NoRegionError):
        return Unavailable(reason, "set archive.region, or AWS_DEFAULT_REGION", operator=True)
    if isinstance(fault, (HTTPClientError, EndpointUnreachable)):
        return Unavailable(reason, "none: it is tried again")
    return Unavailable(f"{reason}: {fault}", "correct the archive.* keys", operator=True)
