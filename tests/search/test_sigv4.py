"""Signatures that AWS' own rules accept, of requests of all kinds."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import botocore.auth
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError

from consumers.search.auth import signed
from consumers.search.server import HttpServer, ServerAccess
from consumers.waiting import Unavailable
from tests.support.https import Reply, Site, serving, told
from tests.support.sigv4 import Received, Verifier

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CANARY = "canary-8d1f0c5b"
STAMP = "20150830T123600Z"
THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
LIST_USERS = "/?Action=ListUsers&Version=2010-05-08"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


class Vector(NamedTuple):
    """A request that AWS published, with its signature."""

    method: str
    host: str
    target: str
    service: str
    headers: dict[str, str]
    signature: str


VECTORS = {
    "get-vanilla": Vector(
        *("GET", "example.amazonaws.com", "/", "service", {}),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "post-vanilla": Vector(
        *("POST", "example.amazonaws.com", "/", "service", {}),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "iam-list-users": Vector(
        *("GET", "iam.amazonaws.com", LIST_USERS, "iam", FORM),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
}

Find = Callable[[], Any]


@pytest.mark.parametrize("name", VECTORS)
def test_signs_as_published(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Requests of AWS' test suite get the signatures that AWS published."""
    vector = VECTORS[name]
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: THEN)
    signer = botocore.auth.SigV4Auth(Credentials(KEY_ID, SECRET), vector.service, "us-east-1")
    headers = {"Host": vector.host, **vector.headers}
    made = signed(signer, vector.method, f"https://{vector.host}{vector.target}", headers)
    assert made["Authorization"].endswith(f"Signature={vector.signature}")
    assert made["X-Amz-Date"] == STAMP


@pytest.mark.parametrize("name", VECTORS)
def test_the_verifier_agrees_with_what_is_published(name: str) -> None:
    """The verifier that the other tests trust computes AWS' published signatures, and accepts them."""
    vector = VECTORS[name]
    verifier = Verifier(KEY_ID, SECRET, "us-east-1", vector.service)
    headers = {"host": vector.host, "x-amz-date": STAMP, **vector.headers}
    names = sorted(headers)
    request = Received(vector.method, vector.target, headers, b"")
    assert verifier.signature(request, names) == vector.signature
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/{vector.service}/aws4_request, "
        f"SignedHeaders={';'.join(names)}, Signature={vector.signature}"
    )
    assert verifier.fault(request, THEN) == ""
    assert verifier.fault(request._replace(method="PUT"), THEN) == "another signature"
    assert verifier.fault(request._replace(body=b"more"), THEN) == "another signature"


def verifying(site: Site, verifier: Verifier, alter: Callable[[Received], Received] = lambda request: request) -> None:
    """Let a server refuse what does not verify."""

    def answer(request: Received) -> Reply:
        fault = verifier.fault(alter(request), datetime.now(UTC))
        return Reply(403, fault.encode()) if fault else Reply()

    site.answer = answer


def signing(site: Site, service: Literal["es", "aoss"], find: Find, base: str = "") -> HttpServer:
    """Ask a server with signatures."""
    return HttpServer(ServerAccess((site.url + base,), auth=service, region="eu-west-1"), find)


def found(secret: str = SECRET, token: str = "") -> Find:
    """Find these credentials."""
    return lambda: Credentials(KEY_ID, secret, token or None)


ASKED: list[tuple[str, str, bytes, str]] = [
    ("GET", "/", b"", ""),
    ("HEAD", "/player-events", b"", ""),
    ("POST", "/_bulk?filter_path=errors,items.*.status&timeout=30s", b'{"create":{}}\n{"a":"\xc3\xa9"}\n', ""),
    ("POST", "/_bulk", gzip.compress(b'{"create":{}}\n' * 1000), "gzip"),
    ("PUT", "/_index_template/a b~c", b"{}", ""),
    ("GET", "/%3Clogs-%7Bnow%2Fd%7D%3E/_doc/1", b"", ""),
    ("GET", "/<logs>,other-*/_search?q=a b&q=A&size=1&pretty", b"", ""),
    ("GET", "/100%25,50%/_count", b"", ""),
    ("GET", "/\u00fcber-\u65e5\u672c/_count?q=\u00fc%2B+", b"", ""),
    ("DELETE", "/a!'()*:@=+$;/_doc/x%2Fy%20z", b"", ""),
]


@pytest.mark.parametrize("base", ["", "/sea%20rch/"])
@pytest.mark.parametrize("token", ["", "token/with+signs=="])
@pytest.mark.parametrize("service", ["es", "aoss"])
def test_requests_of_all_kinds_verify(service: Literal["es", "aoss"], token: str, base: str) -> None:
    """Whatever is asked, an independent verifier accepts the signature of what arrived, digest of the body included."""
    with serving() as site:
        verifying(site, Verifier(KEY_ID, SECRET, "eu-west-1", service, token))
        server = signing(site, service, found(token=token), base)
        for method, path, body, encoding in ASKED:
            answer = server.ask(method, path, body, encoding=encoding)
            assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"{}"), path
        assert all("x-amz-content-sha256" in request.headers for request in site.seen)
        assert [request.body for request in site.seen] == [body for _, _, body, _ in ASKED]
        assert site.connections == 1


ALTERED: dict[str, Callable[[Received], Received]] = {
    "method": lambda request: request._replace(method="PUT"),
    "path": lambda request: request._replace(target=request.target.replace("_bulk", "_bulk2")),
    "query": lambda request: request._replace(target=request.target + "&refresh=true"),
    "body": lambda request: request._replace(body=request.body + b"\n"),
    "type": lambda request: request._replace(headers={**request.headers, "content-type": "text/plain"}),
    "digest": lambda request: request._replace(headers={**request.headers, "x-amz-content-sha256": "0" * 64}),
    "host": lambda request: request._replace(headers={**request.headers, "host": "other"}),
    "token": lambda request: request._replace(headers={**request.headers, "x-amz-security-token": "other"}),
}


@pytest.mark.parametrize("what", ALTERED)
def test_altered_requests_do_not_verify(what: str) -> None:
    """A change on the way to any part of a request is refused: the test above would notice what is not signed."""
    with serving() as site:
        verifying(site, Verifier(KEY_ID, SECRET, "eu-west-1", "aoss", "token"), ALTERED[what])
        answer = signing(site, "aoss", found(token="token")).ask("POST", "/_bulk?a=1", b"{}")  # noqa: S106 - a stand-in
        assert answer.status == 403


@pytest.mark.parametrize(
    "other", [{"secret": "other"}, {"region": "eu-west-2"}, {"service": "es"}, {"key_id": "other"}], ids=str
)
def test_another_key_or_scope_does_not_verify(other: dict[str, str]) -> None:
    """A signature holds for one key, region and service only."""
    with serving() as site:
        verifying(site, replace(Verifier(KEY_ID, SECRET, "eu-west-1", "aoss"), **other))
        assert signing(site, "aoss", found()).ask("GET", "/").status == 403


def test_aws_credentials_are_looked_for_anew_after_a_refusal() -> None:
    """Rotated AWS credentials are found by the call after the one that was refused, and not before."""
    looked: list[str] = []
    now = ["old"]

    def find() -> Credentials:
        looked.append(now[0])
        return Credentials(KEY_ID, now[0])

    with serving() as site:
        verifying(site, Verifier(KEY_ID, "old", "eu-west-1", "es"))
        server = signing(site, "es", find)
        assert [server.ask("GET", "/").status for _ in range(3)] == [200, 200, 200]
        assert looked == ["old"]
        now[0] = "new"
        verifying(site, Verifier(KEY_ID, "new", "eu-west-1", "es"))
        assert [server.ask("GET", "/").status for _ in range(3)] == [403, 200, 200]
        assert looked == ["old", "new"]


def fails() -> Any:
    """Fail as a credential process does."""
    raise CredentialRetrievalError(provider="custom-process", error_msg=CANARY)


@pytest.mark.parametrize(("find", "why"), [(lambda: None, "there are none"), (fails, "CredentialRetrievalError")])
def test_no_aws_credentials_is_for_an_operator(find: Find, why: str) -> None:
    """Without AWS credentials nothing is sent, and somebody is told; what a credential process printed is not."""
    with serving() as site:
        with pytest.raises(Unavailable) as caught:
            signing(site, "es", find).ask("GET", "/")
        assert (caught.value.reason, caught.value.operator) == (f"AWS credentials: {why}", True)
        assert "instance profile" in caught.value.remedy
        assert CANARY not in told(caught.value)
        assert site.seen == []
