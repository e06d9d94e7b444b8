"""Which stream an application reads, written down at its first start: one made anew under its name is another stream.

KCL does not notice: leases hold sequence numbers of the former stream, which Kinesis refuses each time, or shards of
names that the new one has too. What is written down is the time of creation, beside the consumer's other state and not
in a table: whoever deletes the lease table to begin anew keeps what stands in the bucket.
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

_TOLERANCE_MS = 2_000  # Kinesis gives whole seconds, stand-ins parts of them
_CLOCKS_MS = 60_000


class KnownStream(msgspec.Struct, frozen=True, rename="camel"):
    """A stream by its name and when it was created, in UTC milliseconds."""

    stream: str
    created_ms: int

    def same(self, other: "KnownStream") -> bool:
        """Whether both are one stream."""
        return self.stream == other.stream and abs(self.created_ms - other.created_ms) <= _TOLERANCE_MS


class MadeAnew(Exception):
    """The stream is another one than the application has read, by whatever name; the message says what to do."""

    exit_code = EX_CONFIG


def state_key(application: str) -> str:
    """Name what is written down."""
    return f"{STATE_PREFIX}/{application}/stream.json"


def known_by(found: Described, stream: str) -> KnownStream | None:
    """Identify a stream by what Kinesis says of it; None if it does not say when it was created."""
    return KnownStream(stream, int(found.created.timestamp() * 1000)) if found.created else None


def recalled(store: ObjectStore, application: str) -> tuple[KnownStream | None, str | None]:
    """Read what was written down, and its version; None and None if nothing was.

    Raises:
        Unavailable: the store does not answer, or what stands there is damaged.

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
    """Write down which stream the application reads from now on."""
    key, body = state_key(application), msgspec.json.encode(stream)
    standing = store.find(key)
    while store.swap(key, body, standing.version if standing else None) is None:
        standing = store.find(key)


def former(known: KnownStream | None, stream: KnownStream, checkpoints: Callable[[], Iterable[str]]) -> str | None:
    """Say what the application has read if that was not this stream; None if it was, or if it has read nothing. Pure.

    `checkpoints` gives those of its leases. It is asked where nothing is written down, as after a version that did not:
    a sequence number holds the time of its record, and none was put before its stream was there.
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
    """Make sure that the application reads the stream that it has always read; write it down where nothing is.

    `checkpoints` gives None where they cannot be read: then it is left to a later start to write it down.

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
