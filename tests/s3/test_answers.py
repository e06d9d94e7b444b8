"""Answers that S3 never gives, but a load balancer, a gateway or a cache in its place: nothing may rest on one."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest

from consumers.s3.store import BucketAccess, S3Store
from consumers.waiting import Unavailable
from tests.conftest import empty_bucket
from tests.s3.middlebox import Given, Middlebox, middlebox
from tests.support.archive import BUCKET, archive_of, faults_of
from tests.support.hours import OneShard, past_records
from tests.support.proxy import Call, fault_proxy
from tests.support.servers import KEYS, Server

BODY = b"a thousand records"
SHA256 = hashlib.sha256(BODY).digest()
DIGEST = base64.b64encode(SHA256).decode()
OTHER = base64.b64encode(hashlib.sha256(b"others").digest()).decode()
ETAG = f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
OTHER_ETAG = f'"{"0" * 32}"'
ID = {"x-amz-request-id": "5SZNGJBDF9TJO0AQ"}
PAGE = b"<html><head><meta charset=utf-8></head><body>Back soon, Mrs. O'Hara (session 4711)<br></body></html>"
XHTML = b"<html><head><title>Back soon, Mrs. O'Hara</title></head><body><p>session 4711</p></body></html>"
ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>Mrs. O'Hara</Message></Error>"
FALSE, TRUE = b"<IsTruncated>false</IsTruncated>", b"<IsTruncated>true</IsTruncated>"


def said(code: str) -> bytes:
    """Write an error's body as S3 does."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>x</Message></Error>".encode()


def entry(key: str = "raw/a", size: object = 3, etag: str = "&quot;1&quot;") -> bytes:
    """Write an entry of a listing."""
    return f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>".encode()


def listing(*parts: bytes, count: object = None) -> Given:
    """Write a listing of `raw/`."""
    number = sum(b"<Contents>" in part for part in parts) if count is None else count
    inner = b"".join(parts)
    body = b"<ListBucketResult><Prefix>raw/</Prefix>%s<KeyCount>%s</KeyCount></ListBucketResult>"
    return Given(200, ID, body % (inner, str(number).encode()))


CALLS: Mapping[str, Callable[[S3Store], Any]] = {
    "put": lambda store: store.put_new("raw/x", BODY, {}, SHA256),
    "swap": lambda store: store.swap("raw/x", BODY, '"1"'),
    "metadata": lambda store: store.metadata("raw/x"),
    "find": lambda store: store.find("raw/x"),
    "digest": lambda store: store.digest("raw/x"),
    "list": lambda store: [*store.list("raw/")],
    "remove": lambda store: store.remove("raw/x"),
}
ERRORS = (300, 301, 302, 303, 304, 307, 400, 403, 404, 405, 412, 502)
WRITES = ("put", "swap")
READS = ("find", "digest")

# Of a store of objects. Real S3 repeats the digest; moto gives the ETag alone.
RIGHT = [
    ("put", Given(200, {**ID, "ETag": ETAG, "x-amz-checksum-sha256": DIGEST}), True),
    ("put", Given(200, {**ID, "ETag": '"encrypted-by-KMS"', "x-amz-checksum-sha256": DIGEST}), True),
    ("put", Given(200, {"ETag": ETAG}), True),
    ("put", Given(412, ID, said("PreconditionFailed")), False),
    ("swap", Given(200, {**ID, "ETag": ETAG}), ETAG),
    ("swap", Given(412, ID, said("PreconditionFailed")), None),
    ("swap", Given(404, ID, said("NoSuchKey")), None),
    ("metadata", Given(200, {**ID, "ETag": ETAG, "x-amz-meta-format": "1"}), {"format": "1"}),
    ("metadata", Given(404, ID), None),
    ("find", Given(200, {**ID, "ETag": ETAG}, BODY), (BODY, ETAG)),
    ("find", Given(200, {**ID, "ETag": '"0123-2"', "x-amz-checksum-sha256": DIGEST}, BODY), (BODY, '"0123-2"')),
    (
        "find",
        Given(200, {**ID, "ETag": OTHER_ETAG, "x-amz-server-side-encryption": "aws:kms"}, BODY),
        (BODY, OTHER_ETAG),
    ),
    ("find", Given(404, ID, said("NoSuchKey")), None),
    ("digest", Given(200, {**ID, "ETag": ETAG}, BODY), (SHA256.hex(), len(BODY))),
    ("digest", Given(404, ID, said("NoSuchKey")), None),
    ("list", listing(FALSE), []),
    ("list", listing(FALSE, entry(), entry("raw/b")), [("raw/a", 3, '"1"'), ("raw/b", 3, '"1"')]),
    ("remove", Given(204, ID), None),
    ("remove", Given(404, ID, said("NoSuchKey")), None),
]

WRONG = [
    *((call, Given(status, {**ID, "ETag": ETAG}, body)) for call in CALLS for status in (200, 201, 202, 206, 207)
      for body in (PAGE, XHTML, ERROR) if status != 200 or call not in {"metadata", "digest"}),
    *((call, Given(200)) for call in CALLS),
    *((call, Given(200, ID, body)) for call in CALLS for body in (PAGE, XHTML, b"{}", b"\0")),
    *((call, Given(204, {**ID, "ETag": ETAG})) for call in CALLS if call != "remove"),
    *((call, Given(status, ID, PAGE)) for call in CALLS for status in ERRORS
      if call != "metadata" or status != 404),
    *((call, Given(404)) for call in CALLS),
    *((call, Given(412)) for call in CALLS),
    *((call, Given(status, ID, XHTML)) for call in CALLS for status in (403, 412, 500)),
    ("list", Given(404, ID, said("NoSuchKey"))),
    ("put", Given(404, ID, said("NoSuchKey"))),
    ("find", Given(412, ID, said("PreconditionFailed"))),
    *((call, Given(404, ID, said("NoSuchBucket"))) for call in CALLS if call != "metadata"),
    # What was sent has not been read by whoever answers so.
    *((call, Given(200, headers)) for call in WRITES for headers in (
        {**ID}, {**ID, "ETag": ""}, {**ID, "ETag": "x"}, {**ID, "ETag": OTHER_ETAG}, {**ID, "ETag": '""'},
        {**ID, "x-amz-checksum-sha256": DIGEST}, {**ID, "ETag": ETAG, "x-amz-checksum-sha256": OTHER},
    )),
    # What is read is not the object.
    ("metadata", Given(200, {**ID, "Content-Length": "0"})),
    ("metadata", Given(200, {**ID, "ETag": ETAG, "Content-Length": None})),
    *((call, Given(200, headers, BODY)) for call in READS for headers in (
        ID, {**ID, "ETag": ETAG, "Content-Length": None}, {**ID, "ETag": ETAG, "Content-Length": str(len(BODY) + 1)},
    )),
    ("find", Given(200, {**ID, "ETag": OTHER_ETAG}, BODY)),
    ("find", Given(200, {**ID, "ETag": ETAG, "x-amz-checksum-sha256": OTHER}, BODY)),
    # A listing that lacks something reads as objects that are not there.
    ("list", listing()),
    ("list", listing(FALSE, entry(), count=2)),
    ("list", listing(FALSE, entry(), count=0)),
    ("list", listing(FALSE, entry(), count="many")),
    ("list", listing(TRUE, entry())),
    ("list", listing(TRUE, entry(), b"<NextContinuationToken></NextContinuationToken>")),
    ("list", listing(TRUE, entry(), b"<NextContinuationToken>same</NextContinuationToken>")),
    ("list", listing(FALSE, entry("other/a"))),
    ("list", listing(FALSE, entry("raw/b"), entry("raw/a"))),
    ("list", listing(FALSE, entry(), entry())),
    ("list", listing(FALSE, entry(size=""))),
    ("list", listing(FALSE, entry(size="session 4711"))),
    ("list", listing(FALSE, b"<Contents><Key>raw/a</Key><Size>3</Size></Contents>")),
    ("list", listing(FALSE, b"<Contents><Key>raw/a</Key><ETag>1</ETag></Contents>")),
    ("list", listing(FALSE, b"<Contents><Size>3</Size><ETag>1</ETag></Contents>")),
    ("list", Given(200, ID, b"<ListBucketResult><Prefix>else/</Prefix><IsTruncated>false</IsTruncated>"
                            b"<KeyCount>0</KeyCount></ListBucketResult>")),
    ("list", Given(200, ID, b"<ListBucketResult><IsTruncated>false</IsTruncated>")),
]  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Iterator[Middlebox]:
    """Whatever answers."""
    with middlebox() as one:
        yield one


@pytest.fixture(scope="module")
def store(box: Middlebox) -> S3Store:
    """A store that believes to speak with S3."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)
        one = S3Store(BucketAccess("bucket", "us-east-1", box.endpoint, keys="index.deadLetters"))
        box.answer = lambda *_: Given(404, ID)
        one.metadata("k")  # with these credentials
    return one


def test_a_listing_without_an_end(box: Middlebox, store: S3Store) -> None:
    """Each page is empty and says that there is more, by two words in turn: nobody waits for its end in silence."""
    words = cycle((b"one", b"two"))
    box.answer = lambda *_: listing(TRUE, b"<NextContinuationToken>%s</NextContinuationToken>" % next(words))
    with pytest.raises(Unavailable, match="pages without a key") as fault:
        next(store.list("raw/"))
    assert fault.value.operator


@pytest.mark.parametrize(("call", "given", "result"), RIGHT)
def test_what_s3_answers_counts(box: Middlebox, store: S3Store, call: str, given: Given, result: object) -> None:
    """An answer with all that S3 gives is taken for what it says."""
    box.answer = lambda *_: given
    assert CALLS[call](store) == result


@pytest.mark.parametrize(("call", "given"), WRONG)
def test_what_s3_never_answers_is_waited_out(box: Middlebox, store: S3Store, call: str, given: Given) -> None:
    """Whatever lacks something, or is no answer of S3's, is neither success nor absence; it ends no process.

    It says what to look at, with the keys of the bucket, and repeats nothing of a page.
    """
    box.answer = lambda *_: given
    with pytest.raises(Unavailable) as fault:
        CALLS[call](store)
    assert fault.value.remedy
    assert fault.value.operator is ("index.deadLetters" in fault.value.remedy)
    assert "Hara" not in f"{fault.value.reason} {fault.value.remedy}"
    assert "4711" not in f"{fault.value.reason} {fault.value.remedy}"


def test_a_gateways_clock_is_not_the_stores(box: Middlebox, store: S3Store) -> None:
    """An hour must not end early because what stands before the store is ahead, and says that the store is away."""
    dates = ["Sat, 31 Jan 2026 23:00:00 GMT", "Sun, 01 Feb 2026 09:00:00 GMT"]
    box.answer = lambda *_: Given(404, {**ID, "Date": dates[0]}, said("NoSuchKey"))
    assert store.find("raw/x") is None
    before = store.now_ms()
    for status, body in ((503, PAGE), (503, said("SlowDown")), (404, said("NoSuchBucket"))):
        box.answer = lambda *_, status=status, body=body: Given(status, {"Date": dates[1]}, body)
        with pytest.raises(Unavailable):
            store.find("raw/x")
        assert store.now_ms() - before < 60_000
    box.answer = lambda *_: Given(503, {**ID, "Date": dates[1]}, said("SlowDown"))
    with pytest.raises(Unavailable):
        store.find("raw/x")
    assert store.now_ms() - before > 60_000


@pytest.mark.parametrize("call", [".lines.gz", "marks/"])
def test_a_put_that_never_arrived_is_put_again(aws: Server, call: str) -> None:
    """An object or a mark whose PUT something before the store answered with an empty 200 is lost to nobody."""
    empty_bucket(aws)
    answered: list[str] = []

    def once(request: Call) -> None:
        if request.method == "PUT" and call in request.path and not answered:
            answered.append(request.path)
            request.status = 200

    with fault_proxy(aws.endpoint) as proxy:
        proxy.fault = once
        shard = OneShard(S3Store(BucketAccess(BUCKET, KEYS["AWS_DEFAULT_REGION"], proxy.endpoint)))
        records = past_records()
        shard.deliver(records)
        shard.idle()
    assert answered
    assert shard.log.of("waiting")
    assert shard.committed == records[-1].position
    assert faults_of(archive_of(aws), records) == []
