"""Stores, at the first start, which stream an application reads, and detects one that was made anew under its name.

KCL does not notice that. Its leases hold sequence numbers of the former stream, which Kinesis refuses each time, or
shards whose names the new stream has too. The stream's creation time is stored beside the consumer's other state and
not in a table: if the lease table is deleted to start over, the objects in the bucket remain.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.config.consumer import EX_CONFIG
from consumers.config.settings import Settings
from consumers.sequence import put_ms
from consumers.stream import Described
from consumers.undecodable import UNDECODABLE
from consumers.waiting import Unavailable

_TOLERANCE_MS = 2_000  # Kinesis gives whole seconds, stand-ins give fractions
_CLOCKS_MS = 60_000


class KnownStream(msgspec.Struct, frozen=True, rename="camel"):
    """A stream by its name and its creation time, in UTC milliseconds."""

    stream: str
    created_ms: int

    def same(self, other: "KnownStream") -> bool:
        """Return whether both are the same stream."""
        return self.stream == other.stream and abs(self.created_ms - other.created_ms) <= _TOLERANCE_MS


class MadeAnew(Exception):
    """The stream is not the one that the application has read. The message gives the remedy."""

    exit_code = EX_CONFIG


def state_key(application: str) -> str:
    """Return the key of the stored stream."""
    return f"{STATE_PREFIX}/{application}/stream.json"


def known_by(found: Described, stream: str) -> KnownStream | None:
    """Make the identity of a stream from its description; return None if that has no creation time."""
    return KnownStream(stream, int(found.created.timestamp() * 1000)) if found.created else None


def recalled(store: ObjectStore, application: str) -> tuple[KnownStream | None, str | None]:
    """Read the stored stream and its version; None and None if none is stored.

    Raises:
        Unavailable: the store does not answer, or the object is damaged.

    """
    key = state_key(application)
    standing = store.find(key)
    if standing is None:
        return None, None
    try:
        return msgspec.json.decode(standing.body, type=KnownStream), standing.version
    except UNDECODABLE as fault:
        reason = f"{key} is damaged"
        remedy = "restore its former version, or delete it if the stream was not made anew"
        raise Unavailable(reason, remedy, operator=True) from fault


def write_down(store: ObjectStore, application: str, stream: KnownStream) -> None:
    """Store which stream the application reads from now on."""
    key, body = state_key(application), msgspec.json.encode(stream)
    standing = store.find(key)
    while store.swap(key, body, standing.version if standing else None) is None:
        standing = store.find(key)


def former(known: KnownStream | None, stream: KnownStream, checkpoints: Callable[[], Iterable[str]]) -> str | None:
    """Describe what the application has read if it was not this stream; return None otherwise. Pure.

    `checkpoints` returns those of its leases. It is called if no stream is stored, as after a version that stored none.
    A sequence number holds the time of its record, and no record was put before its stream was created.
    """
    if known is not None:
        return None if known.same(stream) else f"{known.stream}, created at {_moment(known.created_ms)}"
    put = [put_ms(int(one)) for one in checkpoints() if one.isascii() and one.isdigit()]
    oldest = min((one for one in put if one is not None), default=None)
    if oldest is None or oldest >= stream.created_ms - _CLOCKS_MS:
        return None
    return f"a record of {_moment(oldest)}"


def insist_on_the_same(
    settings: Settings, store: ObjectStore, stream: KnownStream, checkpoints: Callable[[], Iterable[str] | None]
) -> None:
    """Check that the application reads the stream that it has always read, and store it if none is stored.

    `checkpoints` returns None if they cannot be read. Then a later start stores the stream.

    Raises:
        MadeAnew: it is another stream.
        Unavailable: the store does not answer.

    """
    known, _ = recalled(store, settings.application)
    standing = checkpoints() if known is None else ()
    if standing is None:
        return
    if read := former(known, stream, lambda: standing):
        anew = "is another one" if known and known.stream != stream.stream else "was made anew under its name"
        message = (
            f"stream {stream.stream} {anew}: it was created at {_moment(stream.created_ms)}, and "
            f"{settings.application} has read {read}. Its leases, and what is stored by the names of shards, speak of "
            f"the former stream. Remedy: kinesis-fleet start-over {settings.path} says how to begin with this one"
        )
        raise MadeAnew(message)
    if known is None:
        write_down(store, settings.application, stream)


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
