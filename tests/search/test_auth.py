"""Passwords and API keys: what a server sees of them, and that nobody else does."""

import base64
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from botocore.credentials import Credentials

from consumers.search.server import HttpServer, ServerAccess
from consumers.waiting import Unavailable
from tests.support.https import Reply, Site, serving, told

CANARY = "canary-8d1f0c5b"
BODY = b"body-3c2a"
QUERY = "query-77e1"


def with_file(site: Site, path: Path, auth: Literal["basic", "apiKey"]) -> HttpServer:
    """Ask a server with a credential file."""
    return HttpServer(ServerAccess((site.url,), auth=auth, credential_file=str(path)))


def written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a credential file."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


KINDS: list[tuple[Literal["basic", "apiKey"], bytes, str]] = [
    ("basic", b"user:pa:ss", "Basic " + base64.b64encode(b"user:pa:ss").decode()),
    ("basic", "\u00fcser:p\u00e4ss \n".encode(), "Basic " + base64.b64encode("\u00fcser:p\u00e4ss ".encode()).decode()),
    ("apiKey", b"VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==\r\n", ""),
]


@pytest.mark.parametrize(("auth", "content", "header"), KINDS)
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_the_header_is_what_a_server_expects(
    folder: Path, auth: Literal["basic", "apiKey"], content: bytes, header: str, mode: int
) -> None:
    """A server sees the password as RFC 7617 has it, or the API key; the line's end is not of them."""
    with serving() as site:
        assert with_file(site, written(folder / "secret", content, mode), auth).ask("GET", "/").status == 200
        assert site.seen[0].headers["authorization"] == (header or f"ApiKey {content.decode().strip()}")


@pytest.mark.parametrize("status", [401, 403])
def test_the_file_is_read_anew_after_a_refusal(folder: Path, status: int) -> None:
    """A password that was changed in the file is taken up by the call after the one that was refused."""
    path = written(folder / "secret", b"user:old")
    with serving() as site:
        server = with_file(site, path, "basic")
        server.ask("GET", "/")
        expected = "Basic " + base64.b64encode(b"user:new").decode()
        site.answer = lambda request: Reply(200 if request.headers["authorization"] == expected else status)
        assert server.ask("GET", "/").status == status
        written(path, b"user:new")
        assert server.ask("GET", "/").status == 200
        written(path, b"user:unread")
        assert server.ask("GET", "/").status == 200


UNUSABLE: list[tuple[Literal["basic", "apiKey"], bytes | None, int, str]] = [
    ("basic", None, 0o600, "No such file"),
    ("basic", b"\n", 0o600, "empty"),
    ("basic", CANARY.encode(), 0o600, "no user:password"),
    ("basic", f"user:{CANARY}\r\nX-Other: 1".encode(), 0o600, "not one line"),
    ("basic", f"user:{CANARY}\xff".encode("latin-1"), 0o600, "not one line"),
    ("basic", f"user:{CANARY}\u200b".encode(), 0o600, "zero width space"),
    ("basic", f"user:{CANARY}\u00a0\n".encode(), 0o600, "no-break space"),
    ("apiKey", f"id:{CANARY}".encode(), 0o600, "no API key"),
    ("basic", f"user:{CANARY}".encode(), 0o604, "mode 0604"),
    ("basic", f"user:{CANARY}".encode(), 0o620, "mode 0620"),
]


@pytest.mark.parametrize(("auth", "content", "mode", "why"), UNUSABLE, ids=[row[3] for row in UNUSABLE])
def test_an_unusable_file_is_for_an_operator(
    folder: Path, auth: Literal["basic", "apiKey"], content: bytes | None, mode: int, why: str
) -> None:
    """A file that is missing, empty, garbled or open to others: nothing is sent; somebody is told which it is."""
    path = folder / "secret"
    if content is not None:
        written(path, content, mode)
    with serving() as site:
        with pytest.raises(Unavailable, match=why) as caught:
            with_file(site, path, auth).ask("GET", "/")
        assert caught.value.operator
        assert caught.value.reason.startswith(f"index.credentialFile {path}: ")
        assert caught.value.remedy
        assert CANARY not in told(caught.value)
        assert site.connections == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_for_an_operator(folder: Path) -> None:
    """A file that the process may not read is named, and nothing is sent."""
    with serving() as site, pytest.raises(Unavailable, match="Permission denied") as caught:
        with_file(site, written(folder / "secret", b"user:x", 0o000), "basic").ask("GET", "/")
    assert caught.value.operator


@contextmanager
def listening(level: int) -> Iterator[io.StringIO]:
    """Hear what anybody logs."""
    heard = io.StringIO()
    listener = logging.StreamHandler(heard)
    root = logging.getLogger()
    before = root.level
    root.addHandler(listener)
    root.setLevel(level)
    try:
        yield heard
    finally:
        root.removeHandler(listener)
        root.setLevel(before)


@pytest.mark.parametrize("kind", ["basic", "apiKey", "es"])
def test_a_secret_is_told_to_the_server_only(folder: Path, kind: Literal["basic", "apiKey", "es"]) -> None:
    """No fault, representation or log holds the secret, nor the body, whatever goes wrong with the request."""
    content = {"basic": f"user:{CANARY}", "apiKey": CANARY, "es": ""}[kind]
    path = written(folder / "secret", content.encode())
    secrets = [CANARY, base64.b64encode(content.encode()).decode() or CANARY, BODY.decode()]
    with serving() as site, listening(logging.DEBUG) as heard:
        access = ServerAccess(
            (site.url, "http://127.0.0.1:1"), auth=kind, credential_file=str(path), region="r", most_answer_bytes=10
        )
        server = HttpServer(access, lambda: Credentials("AKIDEXAMPLE", CANARY))
        site.answer = lambda request: Reply(200, request.headers["authorization"].encode() + request.body)
        texts = []
        for _ in range(2):  # too large an answer, then nobody at the other address
            with pytest.raises(Unavailable) as caught:
                server.ask("POST", f"/_bulk?q={QUERY}", BODY)
            assert QUERY not in str(caught.value)
            texts.append(told(caught.value))
        site.answer = lambda _: Reply(401)
        server.ask("GET", "/")
        texts += [repr(server), repr(server.access), repr(vars(server)), heard.getvalue()]
        assert len(site.seen) == 2
    for text in texts:
        assert not [secret for secret in secrets if secret in text], text
