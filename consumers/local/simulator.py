"""Simulates a crowd of players. Their records are those of a real stream, malformed ones included.

The output is a pure function of the seed: the same seed gives the same bytes at any time, on any
machine.
"""

import heapq
import random
from base64 import b64encode
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from consumers.local.epas import Event, Session

# A fixed start, 2026-01-01T00:00Z: the wall clock would change the bytes of each run.
START_MS = 1_767_225_600_000
VIEWERS = 400
# The default limit of the stream for one record: data and partition key together.
MAX_RECORD_BYTES = 1024 * 1024
_MIN_OVERSIZED_BYTES = 300 * 1024
_HOUR_MS = 3_600_000

# One record in EVERY is of this kind, the first one at OFFSET.
_LATE_EVERY, _LATE_OFFSET = 100, 40
_ESCAPED_EVERY, _ESCAPED_OFFSET = 200, 90
_GARBAGE_EVERY, _GARBAGE_OFFSET = 50, 25
_OVERSIZED_EVERY, _OVERSIZED_OFFSET = 5000, 200

_GARBAGE = (
    b"",
    b" ",
    b"\n",
    b"\r\n",
    b"\x00",
    b"null",
    b"[]",
    b"{",
    b"{}\xef\xbb\xbf",  # a byte order mark counts only at the start
    b"\xff\xfe{\x00}\x00",
    b'{"event":"play\xc0\xafing"}',
    b'{"event":"\xed\xa0\x80"}',
    b'{"event":\r\n "heartbeat",\n\n"playhead":NaN}\n',
    b"line one\nline two\r\nline three\n",
    b"\x1f\x8b\x08\x00not gzip",
    b"\x1b[31mred\x1b[0m ${jndi:ldap://x}",
    b"POST /events HTTP/1.1\r\nHost: example.com\r\n\r\n",
)
_ODD_KEYS = ("../../etc", "ключ", "a/b c", "\u2028", "%00", "🦊" * 60, "=")


class Kind(StrEnum):
    """The kind of a record, which the producer knows."""

    EVENT = "event"
    LATE = "late"
    OVERSIZED = "oversized"
    GARBAGE = "garbage"
    ESCAPED = "escaped"


class Produced(NamedTuple):
    """A record to put."""

    partition_key: str
    data: bytes
    kind: Kind


def play(seed: int, viewers: int = VIEWERS) -> Iterator[Produced]:
    """Yield records without end.

    Args:
        seed: decides every byte.
        viewers: the number of concurrent sessions; a new one replaces each that ends.
    """
    rng = random.Random(f"{seed}:mix")
    for ordinal, event in enumerate(_crowd(seed, viewers)):
        yield _produce(rng, ordinal, event)


def _crowd(seed: int, viewers: int) -> Iterator[Event]:
    """Merge the sessions' events in the order of their timestamps."""
    opened = 0
    waiting: list[tuple[int, int, Event, Iterator[Event]]] = []

    def open_session(start_ms: int) -> None:
        nonlocal opened
        rng = random.Random(f"{seed}:{opened}")
        events = Session(rng, start_ms + rng.randrange(1000)).events()
        event = next(events)
        heapq.heappush(waiting, (event["timestamp"], opened, event, events))
        opened += 1

    for _ in range(viewers):
        open_session(START_MS)
    while True:
        timestamp_ms, number, event, events = waiting[0]
        yield event
        following = next(events, None)
        if following is None:
            heapq.heappop(waiting)
            open_session(timestamp_ms)
        else:
            heapq.heapreplace(waiting, (following["timestamp"], number, following, events))


def _produce(rng: random.Random, ordinal: int, event: Event) -> Produced:
    key = event["sessionId"]
    if ordinal % _OVERSIZED_EVERY == _OVERSIZED_OFFSET:
        return Produced(key, _oversized(rng, event, largest=ordinal < _OVERSIZED_EVERY), Kind.OVERSIZED)
    if ordinal % _GARBAGE_EVERY == _GARBAGE_OFFSET:
        return Produced(rng.choice(_ODD_KEYS), _garbage(rng, ordinal), Kind.GARBAGE)
    if ordinal % _LATE_EVERY == _LATE_OFFSET:
        late = {**event, "timestamp": event["timestamp"] - rng.randrange(1, 30) * _HOUR_MS}
        return Produced(key, msgspec.json.encode(late), Kind.LATE)
    data = msgspec.json.encode(event)
    if ordinal % _ESCAPED_EVERY == _ESCAPED_OFFSET:
        return Produced(key, escaped(data), Kind.ESCAPED)
    return Produced(key, data, Kind.EVENT)


def escaped(data: bytes) -> bytes:
    """Return ``data`` as nginx logs a request body: no JSON any more, but it can be converted back."""
    return data.replace(b"\\", b"\\x5C").replace(b'"', b"\\x22")


def _garbage(rng: random.Random, ordinal: int) -> bytes:
    """Return the samples in turn, and random bytes after each full round."""
    turn = (ordinal // _GARBAGE_EVERY) % (len(_GARBAGE) + 1)
    return _GARBAGE[turn] if turn < len(_GARBAGE) else rng.randbytes(rng.randrange(1, 2000))


def _oversized(rng: random.Random, event: Event, *, largest: bool) -> bytes:
    """Return a valid error event with a message that hardly compresses. The largest one reaches the limit."""
    limit = MAX_RECORD_BYTES - len(event["sessionId"])
    size = limit if largest else rng.randrange(_MIN_OVERSIZED_BYTES, limit)
    base = {**event, "event": "error", "payload": {"code": "STACK_TRACE", "message": ""}}
    filling = size - len(msgspec.json.encode(base))
    base["payload"]["message"] = b64encode(rng.randbytes(filling)).decode()[:filling]
    return msgspec.json.encode(base)
