"""One contract for each object store: the fake in memory, moto, and a real server on disk."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumers import aws as sessions
from consumers.s3.outcomes import unavailable
from consumers.s3.probe import ConditionIgnored, probe
from consumers.s3.store import BucketAccess, S3Store
from consumers.waiting import Patience, Unavailable
from tests.conftest import empty_bucket
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent
from tests.support.archive import BUCKET, archive_of
from tests.support.proxy import Call, FaultProxy
from tests.support.servers import KEYS, Server

Put = Callable[[str, bytes], bool]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Keep no credentials from one test to the next."""
    sessions.forget()
    yield
    sessions.forget()


@pytest.fixture(params=["memory", "moto", "versitygw"])
def store(request: pytest.FixtureRequest) -> S3Store | MemoryStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryStore()
    server: Server = request.getfixturevalue("aws" if request.param == "moto" else "disk")
    empty_bucket(server)
    return archive_of(server)


def put(store: S3Store | MemoryStore, key: str, body: bytes, **metadata: str) -> bool:
    """Store an object with its digest."""
    return store.put_new(key, body, metadata, hashlib.sha256(body).digest())


def bytes_of(store: S3Store | MemoryStore, key: str) -> bytes | None:
    """Read an object's bytes."""
    found = store.find(key)
    return found.body if found else None


def test_first_write_wins(store: S3Store) -> None:
    """A key is written once; a refused write changes nothing."""
    assert put(store, "a/b", b"one", writer="first") is True
    assert put(store, "a/b", b"two", writer="second") is False
    assert bytes_of(store, "a/b") == b"one"
    assert dict(store.metadata("a/b") or {}) == {"writer": "first"}


def test_racing_writers_have_one_winner(store: S3Store) -> None:
    """Of eight writers at one key, each of twenty times, exactly one succeeds, and its bytes stand."""
    writers = [store if isinstance(store, MemoryStore) else S3Store(store.access) for _ in range(8)]
    rounds = 20
    won: list[list[int]] = [[] for _ in range(rounds)]
    barrier = threading.Barrier(len(writers))

    def race(number: int) -> None:
        for at in range(rounds):
            barrier.wait()
            until = Patience(lambda _: None, time.monotonic, Silent())
            if until.until_done(lambda at=at: put(writers[number], f"race/{at}", b"%d" % number)):  # type: ignore[misc]
                won[at].append(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(len(writers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(winners) for winners in won] == [1] * rounds
    assert [bytes_of(store, f"race/{at}") for at in range(rounds)] == [b"%d" % winners[0] for winners in won]


def test_absent(store: S3Store) -> None:
    """What is not there is None, not an error."""
    assert store.find("nothing") is None
    assert store.metadata("nothing") is None
    with pytest.raises(KeyError):
        store.get("nothing")
    assert list(store.list("nothing")) == []


def test_list_is_ordered_and_complete(store: S3Store) -> None:
    """More keys than a page holds come in the order of their bytes, and only those of the prefix."""
    count = 1105  # S3 gives 1,000 a page
    for n in range(count):
        put(store, f"many/{n * 7 % count:06d}", b"")
    put(store, "manyother", b"")
    assert [entry.key for entry in store.list("many/")] == [f"many/{n:06d}" for n in range(count)]


def test_swap(store: S3Store) -> None:
    """A version is replaced by who knows it, once; a listing tells the version that a read gives."""
    first = store.swap("r", b"1", None)
    assert first is not None
    assert store.swap("r", b"2", None) is None
    second = store.swap("r", b"two", first)
    assert second is not None
    assert store.swap("r", b"3", first) is None
    assert store.find("r") == (b"two", second)
    assert list(store.list("r")) == [("r", 3, second)]
    assert store.swap("gone", b"4", first) is None


def test_racing_swaps_have_one_winner(store: S3Store) -> None:
    """Of eight writers who know one version, one succeeds: a watermark is never set back."""
    writers = [store if isinstance(store, MemoryStore) else S3Store(store.access) for _ in range(8)]
    version = store.swap("race", b"", None)
    won: list[int] = []
    barrier = threading.Barrier(len(writers))

    def race(number: int) -> None:
        barrier.wait()
        until = Patience(lambda _: None, time.monotonic, Silent())
        if until.until_done(lambda: writers[number].swap("race", b"%d" % number, version)):
            won.append(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(len(writers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bytes_of(store, "race")] == [b"%d" % number for number in won]


def test_clock_is_the_servers(store: S3Store) -> None:
    """The time comes with the answers."""
    store.find("nothing")
    assert abs(store.now_ms() - time.time() * 1000) < 5_000


def test_remove(store: S3Store) -> None:
    """What is removed is gone, its neighbours stay, and a second time is no error; the key may be written again."""
    put(store, "a/1", b"one")
    put(store, "a/2", b"two")
    store.remove("a/1")
    store.remove("a/1")
    assert [entry.key for entry in store.list("a/")] == ["a/2"]
    assert bytes_of(store, "a/1") is None
    assert put(store, "a/1", b"again") is True


def test_probe_accepts_a_store_that_honours_the_condition(store: S3Store) -> None:
    """Twice, since the key of the first probe stands at the second."""
    probe(store)
    probe(store)


def test_probe_refuses_a_store_that_ignores_the_condition(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that overwrites would double and lose records."""
    monkeypatch.setattr(type(store), "put_new", lambda *_: True)
    with pytest.raises(ConditionIgnored, match="If-None-Match"):
        probe(store)


def test_probe_refuses_a_store_that_ignores_the_version(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that overwrites whatever version it is told would set watermarks back."""
    probe(store)
    monkeypatch.setattr(type(store), "swap", lambda *_: "any")
    with pytest.raises(ConditionIgnored, match="If-Match"):
        probe(store)


def test_damaged_upload_is_refused(disk: Server) -> None:
    """The server verifies the digest that came with the bytes; moto stores it all the same."""
    empty_bucket(disk)
    store = archive_of(disk)
    with pytest.raises(Unavailable) as fault:
        store.put_new("k", b"bytes", {}, hashlib.sha256(b"other bytes").digest())
    assert not fault.value.operator
    assert store.find("k") is None


@pytest.mark.parametrize(
    ("status", "operator"), [(500, False), (503, False), (409, False), (429, False), (403, True), (400, True)]
)
def test_refusals(aws: Server, proxy: FaultProxy, status: int, operator: bool) -> None:
    """Each refusal is waited out; those that an operator must mend say so, and name a remedy."""

    def refuse(call: Call) -> None:
        call.status = status

    proxy.fault = refuse
    store = S3Store(BucketAccess(BUCKET, KEYS["AWS_DEFAULT_REGION"], proxy.endpoint))
    with pytest.raises(Unavailable) as fault:
        store.metadata("k")
    assert fault.value.operator is operator
    assert str(status) in fault.value.reason
    assert fault.value.remedy


def test_what_is_asked_of_the_bucket_is_sent(aws: Server, proxy: FaultProxy) -> None:
    """The condition, the digest, encryption, storage class and the expected owner go with each object."""
    digest = hashlib.sha256(b"x").digest()
    proxy.fault = lambda call: setattr(call, "status", 503)
    access = BucketAccess(
        BUCKET,
        KEYS["AWS_DEFAULT_REGION"],
        proxy.endpoint,
        storage_class="STANDARD_IA",
        sse="aws:kms",
        kms_key_id="arn:aws:kms:us-east-1:123456789012:key/k",
        expected_owner="123456789012",
    )
    with pytest.raises(Unavailable):
        S3Store(access).put_new("k", b"x", {"count": "1"}, digest)
    sent = proxy.calls[-1].headers
    expected = {
        "if-none-match": "*",
        "x-amz-checksum-sha256": base64.b64encode(digest).decode(),
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:us-east-1:123456789012:key/k",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-expected-bucket-owner": "123456789012",
        "x-amz-meta-count": "1",
    }
    assert {name: sent.get(name) for name in expected} == expected
    signed = sent["authorization"]
    assert "x-amz-checksum-sha256" in signed  # so the payload itself need not be signed once more


def test_missing_bucket_names_the_key(aws: Server) -> None:
    """The remedy names the property."""
    store = S3Store(BucketAccess("no-such-bucket", KEYS["AWS_DEFAULT_REGION"], aws.endpoint))
    with pytest.raises(Unavailable) as fault:
        put(store, "k", b"")
    assert fault.value.operator
    assert "archive.bucket" in fault.value.remedy


def test_remedies_name_the_keys_of_their_bucket(aws: Server) -> None:
    """A second bucket of a consumer has keys of its own."""
    access = BucketAccess("no-such-bucket", KEYS["AWS_DEFAULT_REGION"], aws.endpoint, keys="index.deadLetters")
    with pytest.raises(Unavailable) as fault:
        put(S3Store(access), "k", b"")
    assert fault.value.remedy == "create the bucket, or correct index.deadLetters.bucket"


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "KMS.DisabledException", "Unheard", "400"])
def test_no_remedy_names_another_bucket(code: str) -> None:
    """Whatever the answer is."""
    fault = unavailable("PutObject", "k", code, 400, "index.deadLetters")
    assert "index.deadLetters." in fault.remedy
    assert "archive." not in fault.remedy


def test_a_removal_that_is_denied_names_its_own_permission() -> None:
    """The daemon's role does without it."""
    assert "s3:DeleteObject" in unavailable("DeleteObject", "k", "AccessDenied", 403).remedy
    assert "s3:DeleteObject" not in unavailable("PutObject", "k", "AccessDenied", 403).remedy


def test_no_credentials(aws: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without credentials waits, and says what it lacks."""
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    store = S3Store(BucketAccess(BUCKET, "us-east-1", aws.endpoint))
    with pytest.raises(Unavailable) as fault:
        put(store, "k", b"")
    assert fault.value.operator
    assert "credentials" in fault.value.remedy


def test_nobody_listens() -> None:
    """A refused connection is waited out."""
    store = S3Store(BucketAccess(BUCKET, "us-east-1", "http://127.0.0.1:9"))
    with pytest.raises(Unavailable) as fault:
        put(store, "k", b"")
    assert not fault.value.operator


def test_credentials_that_come_later_are_found(aws: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that started without them goes on by itself once they are there."""
    empty_bucket(aws)
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    store = S3Store(BucketAccess(BUCKET, "us-east-1", aws.endpoint))
    with pytest.raises(Unavailable):
        put(store, "k", b"")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert put(store, "k", b"")


def test_provider_that_fails_is_waited_for(aws: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A credential process that breaks is the operator's, not a reason to end."""
    for name in KEYS:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text("[default]\ncredential_process = /bin/false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(Unavailable) as fault:
        put(S3Store(BucketAccess(BUCKET, "us-east-1", aws.endpoint)), "k", b"")
    assert fault.value.operator


def test_empty_answer_is_no_empty_bucket(aws: Server, proxy: FaultProxy) -> None:
    """A listing is the only look before a start: an answer that is none must not read as nothing there."""
    proxy.fault = lambda call: setattr(call, "status", 200)
    store = S3Store(BucketAccess(BUCKET, KEYS["AWS_DEFAULT_REGION"], proxy.endpoint))
    with pytest.raises(Unavailable, match="no listing"):
        list(store.list("p/"))


@pytest.mark.parametrize("code", ["ThrottlingException", "KMS.ThrottlingException", "TemporaryRedirect", "SlowDown"])
def test_what_mends_itself_is_no_alarm(code: str) -> None:
    """Whatever its status."""
    assert not unavailable("PutObject", "k", code, 400).operator


@pytest.mark.parametrize("code", ["InvalidObjectState", "KMS.DisabledException", "400", "NoSuchBucket"])
def test_what_does_not_is_one(code: str) -> None:
    """With what to do."""
    fault = unavailable("PutObject", "k", code, 400)
    assert fault.operator
    assert fault.remedy
