"""The key of an object of dead letters, and what can be read from the key alone.

    PREFIX/APPLICATION/dt=YYYY-MM-DD/hour=HH/STREAM.SHARD.SEQUENCE-SUB.DIGEST.ndjson.gz

The hour is that in which all its records arrived (UTC), or the first hour of 1970 where no time is known. Sequence and
sub-sequence number are the first letter's, padded. The digest is that of the content: an object that stands at the same
key holds the same letters.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from consumers.chain.store import STATE_PREFIX
from consumers.hours.times import hour_of, parse_hour
from consumers.letters.letter import Letter
from consumers.records import HOUR_MS, SEQUENCE_DIGITS, SUB_DIGITS, Position

EXTENSION = ".ndjson.gz"
DAY_MS = 24 * HOUR_MS
_DIGEST_DIGITS = 16
_MOST_DAYS = 31  # up to so many days are listed one by one, beyond that everything in one listing
_KEY = re.compile(
    r"dt=(?P<day>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/(?P<stream>[a-zA-Z0-9_.-]+)\.(?P<shard>[a-zA-Z0-9_-]+)"
    rf"\.(?P<sequence>\d{{{SEQUENCE_DIGITS}}})-(?P<sub>\d{{{SUB_DIGITS}}})\.[0-9a-f]{{{_DIGEST_DIGITS}}}"
    + re.escape(EXTENSION)
)
_SAFE = re.compile(r"[A-Za-z0-9=_.\-/]*")


class Stored(NamedTuple):
    """An object of dead letters, as its key describes it: stream, shard, hour of arrival and first position."""

    key: str
    size: int
    hour_ms: int
    stream: str
    shard: str
    first: Position


class LetterPlace(NamedTuple):
    """The place of an application's dead letters in their bucket."""

    prefix: str
    application: str

    @property
    def root(self) -> str:
        """The prefix of all keys."""
        return f"{self.prefix.strip('/')}/{self.application}/"

    @property
    def template(self) -> str:
        """The template of the folders' names."""
        return f"{self.root}dt=%Y-%m-%d/hour=%H"

    def key(self, first: Letter, digest: str) -> str:
        """Return the key of the object that begins with this letter. `digest` is its content's SHA-256 in hex."""
        moment = datetime.fromtimestamp(first.arrival_ms // 1000, UTC)
        folder = f"{self.root}{moment:dt=%Y-%m-%d/hour=%H}/{first.stream}.{first.shard}"
        position = f"{int(first.sequence):0{SEQUENCE_DIGITS}d}-{first.sub:0{SUB_DIGITS}d}"
        return f"{folder}.{position}.{digest[:_DIGEST_DIGITS]}{EXTENSION}"

    def scans(self, first_ms: int, last_ms: int) -> Iterator[str]:
        """Yield the prefixes to list for all objects of these hours, in order. They may match more objects."""
        first_day, last_day = first_ms // DAY_MS, last_ms // DAY_MS
        if last_day - first_day >= _MOST_DAYS:
            yield self.root
            return
        for day in range(first_day, last_day + 1):
            yield f"{self.root}{datetime.fromtimestamp(day * DAY_MS // 1000, UTC):dt=%Y-%m-%d}/"

    def read(self, key: str, size: int) -> Stored | None:
        """Parse a key; return None if it is not one of dead letters."""
        found = _KEY.fullmatch(key.removeprefix(self.root))
        if found is None or not key.startswith(self.root):
            return None
        try:
            hour_ms = parse_hour(f"{found['day']}T{found['hour']}")
        except ValueError:
            return None
        return Stored(
            key, size, hour_ms, found["stream"], found["shard"], Position(int(found["sequence"]), int(found["sub"]))
        )


def aside_place(application: str) -> LetterPlace:
    """Return the place where a consumer without dead letters stores unreadable elements, in its own bucket."""
    return LetterPlace(f"{STATE_PREFIX}/{application}", "set-aside")


def digest_in(key: str) -> str:
    """Return the beginning of the content's digest from a key."""
    return key.removesuffix(EXTENSION)[-_DIGEST_DIGITS:]


def hour_in(letter: Letter) -> int:
    """Return the first millisecond of the hour in which the letter's record arrived."""
    return hour_of(letter.arrival_ms)


def prefix_faults(prefix: str) -> Iterator[str]:
    """Yield the faults of a prefix."""
    if not _SAFE.fullmatch(prefix):
        yield "may hold letters, digits and = _ . - / only"
    if any(part in {"", ".", ".."} for part in prefix.strip("/").split("/")):
        yield "may not be empty, nor hold empty, '.' or '..' parts"
    if prefix.startswith("/"):
        yield "may not begin with '/'"
    if prefix.startswith("_kinesis-fleet"):
        yield "lies within the fleet's own state. Give another one, such as dead-letters"
