"""TLS: a server that does not prove itself is sent nothing, and a client proves itself where it is asked to."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumers.search import server as server_module
from consumers.search.server import HttpServer, ServerAccess
from consumers.waiting import Unavailable
from tests.support.https import LARGE, Files, Pki, Site, pki_in, scripted, server_context, serving


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates, made once."""
    return pki_in(tmp_path_factory.mktemp("pki"))


def refused(access: ServerAccess, site: Site, why: str, remedy: str) -> None:
    """Demand that TLS fails for an operator, with the remedy, and that the server saw no request."""
    with pytest.raises(Unavailable, match=why) as caught:
        HttpServer(access).ask("POST", "/_bulk", b"{}")
    site.await_end()
    assert (type(caught.value), caught.value.operator, site.seen) == (Unavailable, True, [])
    assert remedy in caught.value.remedy


def test_the_right_authority_is_accepted(pki: Pki) -> None:
    """A server with a certificate of the CA, for its name or its address, is asked, on one connection."""
    for host in ("localhost", "127.0.0.1"):
        with serving(server_context(pki.server), host) as site:
            server = HttpServer(ServerAccess((site.url,), ca_file=pki.ours.file))
            assert [server.ask("POST", "/_bulk", b"{}").status for _ in range(3)] == [200, 200, 200]
            assert site.connections == 1


Wrong = tuple[Callable[[Pki], tuple[Files, str]], str, str]
WRONG: dict[str, Wrong] = {
    "unknown authority": (lambda pki: (pki.server, pki.theirs.file), "unable to get local issuer", "index.caFile"),
    "the system's authorities": (lambda pki: (pki.server, ""), "unable to get local issuer", "index.caFile"),
    "another host": (
        lambda pki: (pki.ours.issue("other", "other.example"), pki.ours.file),
        "(?i)hostname mismatch",
        "index.url",
    ),
    "no host": (lambda pki: (pki.ours.issue("localhost"), pki.ours.file), "(?i)hostname mismatch", "index.url"),
    "expired": (
        lambda pki: (pki.ours.issue("old", "localhost", days=-1), pki.ours.file),
        "certificate has expired",
        "renewed",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_server_that_does_not_prove_itself_is_sent_nothing(pki: Pki, what: str) -> None:
    """An unknown CA, another host name or an expired certificate: refused before anything is sent."""
    make, why, remedy = WRONG[what]
    files, ca_file = make(pki)
    with serving(server_context(files)) as site:
        refused(ServerAccess((site.url,), ca_file=ca_file), site, why, remedy)


@pytest.mark.parametrize("what", WRONG)
def test_a_context_that_does_not_verify_would_be_noticed(pki: Pki, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Control: with a context that trusts everybody, the test above is red."""
    monkeypatch.setattr(server_module, "context_of", lambda *_: ssl._create_unverified_context())  # noqa: S323 - the point
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test_a_server_that_does_not_prove_itself_is_sent_nothing(pki, what)


def test_tls_never_becomes_plain(pki: Pki) -> None:
    """Where the server speaks no TLS, nothing is sent to it."""
    with serving() as site:
        url = site.url.replace("http:", "https:")
        with pytest.raises(Unavailable, match="TLS: ") as caught:
            HttpServer(ServerAccess((url,), ca_file=pki.ours.file)).ask("GET", "/")
        site.await_end()
        assert (type(caught.value), caught.value.operator, site.seen) == (Unavailable, True, [])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_old_versions_are_not_spoken(pki: Pki) -> None:
    """A server that speaks no TLS above 1.1 is sent nothing; 1.2 will do."""
    context = server_context(pki.server)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(context) as site:
        assert HttpServer(ServerAccess((site.url,), ca_file=pki.ours.file)).ask("GET", "/").status == 200
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(context) as site:
        refused(ServerAccess((site.url,), ca_file=pki.ours.file), site, "protocol version", "TLS 1.2")


def hangs_up(connection: socket.socket, _: threading.Event) -> None:
    """Begin to listen, and close."""
    connection.recv(1)


def test_a_connection_cut_in_the_handshake_mends_itself(pki: Pki) -> None:
    """A server that restarts amid a handshake is no fault of the configuration."""
    with scripted(hangs_up) as url, pytest.raises(Unavailable) as caught:
        HttpServer(ServerAccess((url.replace("http:", "https:"),), ca_file=pki.ours.file)).ask("GET", "/")
    assert (type(caught.value), caught.value.operator) == (Unavailable, False)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("body", [b"{}", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("given", ["ours", "theirs", "none"])
def test_a_client_certificate_is_shown(pki: Pki, version: ssl.TLSVersion, body: bytes, given: str) -> None:
    """A server that demands a certificate gets it; one of another CA, or none, is a matter for an operator."""
    context = server_context(pki.server, demand=pki.ours)
    context.minimum_version = context.maximum_version = version
    access = ServerAccess((), ca_file=pki.ours.file)
    if given != "none":
        files = (pki.ours if given == "ours" else pki.theirs).issue("client")
        access = replace(access, client_certificate_file=files.certificate, client_key_file=files.key)
    for _ in range(3):
        with serving(context) as site:
            access = replace(access, urls=(site.url,))
            if given == "ours":
                assert HttpServer(access).ask("POST", "/_bulk", body).status == 200
            else:
                with pytest.raises(Unavailable, match=r"TLS: .*alert") as caught:
                    HttpServer(access).ask("POST", "/_bulk", body)
                assert (type(caught.value), caught.value.operator, site.seen) == (Unavailable, True, [])
                assert "index.clientCertificateFile" in caught.value.remedy
                assert "index.clientKeyFile" in caught.value.remedy


def test_a_renewed_client_certificate_is_taken_up(pki: Pki) -> None:
    """Files that were replaced are read for the next connection, without a restart."""
    files = pki.theirs.issue("renewed")
    with serving(server_context(pki.server, demand=pki.ours)) as site:
        server = HttpServer(
            ServerAccess(
                (site.url,),
                ca_file=pki.ours.file,
                client_certificate_file=files.certificate,
                client_key_file=files.key,
            )
        )
        with pytest.raises(Unavailable):
            server.ask("GET", "/")
        good = pki.ours.issue("renewed")
        for old, new in zip(files, good, strict=True):
            Path(new).replace(old)
        assert server.ask("GET", "/").status == 200


def test_files_that_cannot_be_used_are_named(pki: Pki, folder: Path) -> None:
    """A missing CA, a key of another certificate, one with a passphrase, one open to others: each is named."""
    client, other = pki.ours.issue("a-client"), pki.ours.issue("another")
    sealed = pki.ours.issue("sealed", passphrase="pass")  # noqa: S106 - of a key that opens nothing
    bare = pki.ours.issue("bare")
    Path(bare.key).chmod(0o644)
    (folder / "empty").write_bytes(b"")
    certificate, key = "client_certificate_file", "client_key_file"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"ca_file": str(folder / "absent")}, r"index\.caFile .*absent: No such file"),
        ({"ca_file": str(folder / "empty")}, r"index\.caFile .*empty: "),
        (
            {certificate: str(folder / "absent"), key: client.key},
            r"index\.clientCertificateFile .*absent: No such file",
        ),
        (
            {certificate: client.certificate, key: str(folder / "absent")},
            r"index\.clientKeyFile .*absent: No such file",
        ),
        ({certificate: client.certificate, key: other.key}, r"index\.clientCertificateFile .*key values mismatch"),
        ({certificate: sealed.certificate, key: sealed.key}, r"index\.clientCertificateFile .*cannot be used"),
        ({certificate: bare.certificate, key: bare.key}, r"index\.clientKeyFile .*mode 0644"),
    ]
    with serving(server_context(pki.server)) as site:
        for files, why in cases:
            with pytest.raises(Unavailable, match=why) as caught:
                HttpServer(ServerAccess((site.url,), **{"ca_file": pki.ours.file, **files})).ask("GET", "/")
            assert caught.value.operator
            assert caught.value.remedy
        assert site.connections == 0
