"""A bucket that is slow is waited for as long as bytes move; one that moves nothing is given up in time."""

import hashlib
import io
import os
import time
from collections.abc import Iterator

import pytest

from consumers import alive
from consumers.s3 import body as bodies
from consumers.s3 import store as stores
from consumers.s3.body import SAY_EVERY_S, SLOW_S, Body
from consumers.s3.store import READ_TIMEOUT_S
from consumers.waiting import Unavailable
from tests.conftest import empty_bucket
from tests.support.archive import archive_of
from tests.support.servers import Server
from tests.support.slow_relay import SlowRelay, slow_relay

SIZE = 400_000
BODY = os.urandom(SIZE)
TIMEOUT_S = 0.5


@pytest.fixture
def relay(aws: Server) -> Iterator[SlowRelay]:
    """A slow way to a bucket."""
    empty_bucket(aws)
    with slow_relay(aws.endpoint) as it:
        yield it


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls end sooner than those of a shard do."""
    monkeypatch.setattr(stores, "READ_TIMEOUT_S", TIMEOUT_S)
    monkeypatch.setattr(stores, "CONNECT_TIMEOUT_S", TIMEOUT_S)


def put(relay: SlowRelay, body: bytes = BODY) -> bool:
    """Store an object by that way."""
    return archive_of(Server(relay.endpoint, None)).put_new("k", body, {}, hashlib.sha256(body).digest())  # type: ignore[arg-type]


@pytest.mark.usefixtures("impatient")
def test_an_upload_that_moves_outlasts_all_time_outs(aws: Server, relay: SlowRelay) -> None:
    """Four times as long as a call may stand still; most of it is on its way when all of it was handed over."""
    relay.up_bytes_s = SIZE / (4 * TIMEOUT_S)
    assert put(relay)
    found = archive_of(aws).find("k")
    assert found
    assert found.body == BODY


@pytest.mark.usefixtures("impatient")
def test_an_upload_that_stands_still_is_given_up(relay: SlowRelay) -> None:
    """Nothing moves, so that the next try may find another way."""
    relay.up_bytes_s = 0
    began = time.monotonic()
    with pytest.raises(Unavailable):
        put(relay, os.urandom(12 << 20))  # more than a connection takes in advance
    assert time.monotonic() - began < 20 * TIMEOUT_S


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_never_comes_is_given_up(relay: SlowRelay) -> None:
    """Also where all of a small body was taken."""
    relay.down_bytes_s = 0
    began = time.monotonic()
    with pytest.raises(Unavailable):
        put(relay, b"small")
    assert time.monotonic() - began < 20 * TIMEOUT_S


class Told:
    """A body with a clock, and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
        self.now, self.lives, self.within_s = 0.0, 0, 0.0
        self.lines: list[tuple[str, dict[str, object]]] = []
        monkeypatch.setattr(alive, "beat", self.live)
        monkeypatch.setattr(bodies, "logger", lambda: self)
        self.body = Body(content, "s3://bucket/key", lambda: self.now)

    def live(self, within_s: float = 0.0) -> None:
        self.lives += 1
        self.within_s = within_s

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    def taken(self, bytes_s: float) -> bytes:
        """Read it at a pace."""
        parts = []
        while part := self.body.read(1 << 17):
            parts.append(part)
            self.now += len(part) / bytes_s
        return b"".join(parts)


def test_each_piece_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is so large that a slow connection could not take it within one time-out."""
    told = Told(monkeypatch, BODY)
    assert told.taken(100_000) == BODY
    assert told.lives >= SIZE / (16 << 10)
    assert told.lines == []


def test_a_quick_upload_takes_large_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what a connection takes in advance, so that its pace is known; they cost less."""
    content = bytes(64 << 20)
    told = Told(monkeypatch, content)
    assert told.taken(100e6) == content
    assert told.lives < 1_000


def test_a_slow_upload_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its pace and what remains, and not too often."""
    told = Told(monkeypatch, bytes(12_000_000))
    told.taken(100_000)
    assert len(told.lines) == 1 + (120 - SLOW_S) // SAY_EVERY_S
    event, fields = told.lines[0]
    assert event == "writing_slowly"
    assert fields["bytes_s"] == pytest.approx(100_000, rel=0.1)
    assert fields["remaining_s"] == pytest.approx(90, abs=2)
    assert "s3://bucket/key" in str(fields["reason"])


def test_a_body_that_is_read_again_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature reads it before it is sent, and a second try after."""
    told = Told(monkeypatch, BODY)
    told.taken(1e9)
    told.now += 10 * SLOW_S
    assert told.body.seek(0, io.SEEK_SET) == 0
    assert told.taken(1e9) == BODY
    assert told.body.read() == b""
    assert told.lines == []


def test_the_answer_may_take_what_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the size, up to what a connection takes in advance; a small one is not waited for longer than before.

    Nor is it a hang, however soon a process is taken to hang.
    """
    told = Told(monkeypatch, BODY)
    told.taken(1e9)
    assert told.within_s == READ_TIMEOUT_S + told.body.answer_s
    assert Told(monkeypatch, b"x" * 640).body.answer_s < READ_TIMEOUT_S / 100
    assert Told(monkeypatch, bytes(1_500_000)).body.answer_s > 15  # at 100 kB/s
    assert Told(monkeypatch, bytes(64 << 20)).body.answer_s < 70
