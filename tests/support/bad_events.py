"""Events that cannot be indexed, in ten ways, each with the reason that its dead letter must give."""

import gzip
from collections.abc import Iterator, Sequence

GOOD = b'{"event":"heartbeat","sessionId":"%d","timestamp":%d,"playhead":%d}'
_BAD: tuple[tuple[bytes, str], ...] = (
    (b"", "empty"),
    (b'{"event":"playing"', "json_invalid"),
    (b'{"event":"playing","playhead":NaN}', "json_invalid"),
    (b'{"event":"\xff\xfe"}', "json_invalid"),
    (b'["playing"]', "not_object"),
    (b'{"event":"playing","event":"paused"}', "duplicate_key"),
    (b'{"event":"\\ud83d"}', "surrogate"),
    (b'[{"event":"playing"},"paused"]', "not_object"),
    (b'{"event":"playing","payload":' + b'{"a":' * 150 + b"1" + b"}" * 151, "too_deep"),
    (b'{"event":"playing","timestamp":"yesterday"}', ""),  # the server's own word: it differs between families
    (gzip.compress(b'{"event":"playing"}', mtime=0)[:-9], "compressed_invalid"),
)
WAYS = len(_BAD)


def bad_event(number: int) -> tuple[bytes, str]:
    """Give the n-th way to be bad, and the reason."""
    return _BAD[number % WAYS]


def good_event(number: int) -> bytes:
    """Give an event that the default template takes."""
    return GOOD % (number, 1_760_000_000_000 + number, number)


def mixed(count: int, every: int = 100) -> Iterator[tuple[bytes, str | None]]:
    """Give so many events, of which each `every`-th is bad: its payload, and the reason or None."""
    for number in range(count):
        yield bad_event(number // every) if number % every == every // 2 else (good_event(number), None)


def payloads(events: Sequence[tuple[bytes, str | None]]) -> list[bytes]:
    """Give the payloads alone."""
    return [payload for payload, _ in events]
