"""An S3 bucket as the chain's `ObjectStore`. Each call is bounded in time, and retried by the caller only."""

import base64
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

from consumers import alive, aws
from consumers.chain.store import STATE_PREFIX, Entry, Found
from consumers.s3 import answers
from consumers.s3.body import Body
from consumers.s3.outcomes import ABSENT, EXISTS, code_of, odd, unavailable, unreachable
from consumers.waiting import Unavailable

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10
_CHUNK_BYTES = 1 << 20
_MOST_BARREN = 100  # pages of a listing in a row that hold no key, and announce more pages


@dataclass(frozen=True, slots=True)
class BucketAccess:
    """How to reach a bucket, and the options of each object. An empty string leaves an option to the bucket.

    `attempts` is 1 for callers that retry with jitter and log it. `keys` is the prefix of the properties that configure
    the bucket; remedies name them.
    """

    bucket: str
    region: str = ""
    endpoint: str = ""
    storage_class: str = ""
    sse: str = ""
    kms_key_id: str = ""
    expected_owner: str = ""
    connections: int = 1
    attempts: int = 1
    keys: str = "archive"


class S3Store:
    """Reads and writes one bucket."""

    def __init__(self, access: BucketAccess) -> None:
        """Store the options. The client is made at the first call.

        It is made anew after a fault other than of the connection, such as missing credentials.
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
        self._clock_offset_s: float | None = None
        self._counting = threading.Lock()
        self.requests: Counter[str] = Counter()
        self._client: Any = None

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists; return False if it exists. S3 verifies the digest on arrival."""
        condition = {"IfNoneMatch": "*", "Metadata": dict(metadata)}
        return self._put(key, body, sha256, condition, EXISTS) is not None

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        """Replace the given version of an object; return the new version, or None if refused.

        A `version` of None means that no object may stand there.
        """
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        answer = self._put(key, body, hashlib.sha256(body).digest(), condition, EXISTS | ABSENT)
        return None if answer is None else str(answer["ETag"])

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return an object's user metadata, or None if there is no such object."""
        answer = self._call(
            "HeadObject", key, lambda client: client.head_object(**self._at(key)), look=answers.described
        )
        return None if answer is None else answer["Metadata"]

    def find(self, key: str) -> Found | None:
        """Return an object's bytes and version, or None if there is no such object."""
        where = {**self._at(key), "ChecksumMode": "ENABLED"}
        answer = self._call(
            "GetObject",
            key,
            lambda client: _read(client.get_object(**where)),
            look=lambda answer: answers.read(answer, len(answer["Bytes"]), answer["Bytes"]),
        )
        return None if answer is None else Found(answer["Bytes"], str(answer["ETag"]))

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            KeyError: there is no such object.

        """
        found = self.find(key)
        if found is None:
            message = f"there is no object {key} in bucket {self._bucket}"
            raise KeyError(message)
        return found.body

    def remove(self, key: str) -> None:
        """Remove an object, if there is one. A bucket with versioning keeps the former version."""
        self._call("DeleteObject", key, lambda client: client.delete_object(**self._at(key)), look=answers.removed)

    def digest(self, key: str) -> tuple[str, int] | None:
        """Read a whole object; return the SHA-256 of its bytes in hex and their number, or None if there is none."""
        answer = self._call(
            "GetObject",
            key,
            lambda client: _digest(client.get_object(**self._at(key))),
            look=lambda answer: answers.read(answer, answer["Size"]),
        )
        return None if answer is None else (answer["SHA256"], answer["Size"])

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects whose keys begin with a prefix, in the order of the keys' bytes, a page at a time."""
        where = {"Bucket": self._bucket, "Prefix": prefix, **self._owner}
        token = last = ""
        barren = 0
        while True:
            page = self._page(where, prefix, token, last)
            barren = 0 if page.get("Contents") else barren + 1
            if barren > _MOST_BARREN:
                reason = f"ListObjectsV2 s3://{self._bucket}/{prefix}: {barren} pages without a key, and no end"
                raise Unavailable(reason, "look at what answers in the place of the bucket", operator=True)
            for at in page.get("Contents", ()):
                last = at["Key"]
                yield Entry(last, at["Size"], at["ETag"])
            if not page["IsTruncated"]:
                return
            where["ContinuationToken"] = token = page["NextContinuationToken"]

    def _page(self, where: Mapping[str, Any], prefix: str, token: str, last: str) -> Mapping[str, Any]:
        return (
            self._call(
                "ListObjectsV2",
                prefix,
                lambda client: client.list_objects_v2(**where),
                frozenset(),
                lambda answer: answers.listed(answer, prefix, token, last),
            )
            or {}
        )

    def now_ms(self) -> int:
        """Return the store's time in UTC milliseconds: that of its last answer, plus the time passed since.

        The host's clock is not trusted. It is 0 before the first answer.
        """
        return 0 if self._clock_offset_s is None else int((time.monotonic() + self._clock_offset_s) * 1000)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key, **self._owner}

    def _put(
        self, key: str, body: bytes, sha256: bytes, condition: Mapping[str, object], refusals: frozenset[str]
    ) -> dict[str, Any] | None:
        options = dict(self._put_options)
        if key.startswith(STATE_PREFIX):  # state is read at each lease, so it must never need a restore
            options.pop("StorageClass", None)
        where, checksum = f"s3://{self._bucket}/{key}", base64.b64encode(sha256).decode()
        what = {"Body": Body(body, where), "ChecksumSHA256": checksum, **condition, **options}
        return self._call(
            "PutObject",
            key,
            lambda client: client.put_object(**what, **self._at(key)),
            refusals,
            lambda answer: answers.stored(answer, body, sha256),
        )

    def _connect(self) -> Any:  # noqa: ANN401 - botocore's clients have no types
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": self.access.attempts},
            max_pool_connections=self.access.connections,
            tcp_keepalive=True,
            request_checksum_calculation="when_required",  # SHA-256, which each PUT sends, is stronger
            response_checksum_validation="when_required",
            s3={
                "addressing_style": "path" if self.access.endpoint else "auto",
                "payload_signing_enabled": False,  # the digest of each body is a signed header already
            },
            parameter_validation=False,  # all parameters are made here, and it costs a fifth of a call
        )
        client = aws.client(
            "s3", region_name=self.access.region or None, endpoint_url=self.access.endpoint or None, config=config
        )
        client.meta.events.register("before-call.s3", _follow_no_redirect)
        client.meta.events.register("before-call.s3.PutObject", _wait_for_what_is_on_its_way)
        client.meta.events.register("after-call.s3.PutObject", answers.note_body)
        return client

    def _call(
        self,
        operation: str,
        key: str,
        call: Callable[[Any], dict[str, Any]],
        refusals: frozenset[str] = ABSENT,
        look: Callable[[dict[str, Any]], str] = lambda _answer: "",
    ) -> dict[str, Any] | None:
        """Make one call, and return the answer, or None for an error that is one of the `refusals`.

        `look` returns what is wrong with an answer, or "".
        """
        where, keys = f"s3://{self._bucket}/{key}", self.access.keys
        with self._counting:
            self.requests[operation] += 1
        alive.beat(CONNECT_TIMEOUT_S + READ_TIMEOUT_S)
        try:
            self._client = self._client or self._connect()
            answer = call(self._client)
        except ClientError as fault:
            if not answers.absent(fault.response):  # an error of a gateway holds the gateway's time
                self._set_clock(fault.response["ResponseMetadata"])
            code, status = code_of(fault.response)
            if code in refusals:
                return None
            if operation == "HeadObject" and code == "404":  # its answer has no body with a code
                if wrong := answers.absent(fault.response):
                    raise odd(operation, where, wrong, keys) from fault
                return None
            raise unavailable(operation, where, code, status, keys) from fault
        except ResponseParserError as fault:  # another page in the place of XML
            wrong = f"the answer cannot be read ({type(fault).__name__})"
            raise odd(operation, where, wrong, keys) from fault
        except (BotoCoreError, ValueError, RuntimeError) as fault:  # botocore raises bare ones for faulty credentials
            if not isinstance(fault, (HTTPClientError, IncompleteReadError)):
                self._client = None  # a client looks for credentials only when it is made
                aws.forget()
            raise unreachable(operation, where, fault, keys) from fault
        finally:
            alive.beat()  # one try of the caller may take many calls
        if wrong := look(answer):
            raise odd(operation, where, wrong, keys)
        self._set_clock(answer["ResponseMetadata"])
        return answer

    def _set_clock(self, meta: Mapping[str, Any]) -> None:
        date = meta.get("HTTPHeaders", {}).get("date", "")
        with suppress(ValueError):  # no date, or an unreadable one: the last one stays valid
            self._clock_offset_s = parsedate_to_datetime(date).timestamp() - time.monotonic()


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Report a wrong region instead of asking for the right one, which never ends if that gets no answer."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _wait_for_what_is_on_its_way(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Extend the time-out of an upload's answer.

    The system accepts megabytes that have not been sent yet.
    """
    body = params.get("body")
    if isinstance(body, Body):
        context["read_timeout"] = READ_TIMEOUT_S + body.answer_s


def _digest(answer: dict[str, Any]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    for part in answer["Body"].iter_chunks(_CHUNK_BYTES):
        digest.update(part)
        size += len(part)
    return {**answer, "SHA256": digest.hexdigest(), "Size": size}


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    answer["Bytes"] = answer["Body"].read()
    return answer
