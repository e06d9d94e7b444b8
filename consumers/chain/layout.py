"""The key of an object: a pure function of its first record, so that two writers compute the same key.

All of it is part of the protocol: a changed layout means changed keys (docs/decisions/0004).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from consumers.objects.codecs import CODECS
from consumers.records import HOUR_MS, SEQUENCE_DIGITS, SUB_DIGITS, Position

_DIRECTIVES = frozenset("YmdH")
_SAFE = re.compile(r"[A-Za-z0-9=_.\-/]*")


class Layout(msgspec.Struct, frozen=True):
    """The naming of one stream's objects in a bucket. Times are UTC."""

    prefix: str
    partition: str
    stream: str
    extension: str

    def key(self, shard: str, first: Position, arrival_ms: int) -> str:
        """Return the key of the object whose first record stands at `first` and arrived at `arrival_ms`."""
        sequence = f"{first.sequence:0{SEQUENCE_DIGITS}d}.{first.sub:0{SUB_DIGITS}d}"
        return f"{self.scan(shard, arrival_ms)}{sequence}.lines{self.extension}"

    def folder(self, arrival_ms: int) -> str:
        """Return the partition's folder of an arrival time, with a slash at its end."""
        moment = datetime.fromtimestamp(arrival_ms // 1000, UTC)
        return "/".join(part for part in (self.prefix.strip("/"), moment.strftime(self.partition)) if part) + "/"

    def scan(self, shard: str, arrival_ms: int) -> str:
        """Return the key prefix of a shard's objects in the partition of an arrival time."""
        return f"{self.folder(arrival_ms)}{self.stream}.{shard}."

    def scans(self, shard: str, from_ms: int, to_ms: int) -> Iterator[str]:
        """Yield the key prefix for each hour from one time to another, both included."""
        for hour in range(from_ms // HOUR_MS, to_ms // HOUR_MS + 1):
            yield self.scan(shard, hour * HOUR_MS)


def position_in(key: str) -> Position | None:
    """Return the first record's position from a key; None if it is not the key of an object of a chain."""
    name = key.rpartition("/")[2].partition(".lines")[0]
    parts = name.rsplit(".", 2)
    if name.startswith("_") or len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts[1:]):  # noqa: PLR2004
        return None
    return Position(int(parts[1]), int(parts[2]))


def shard_in(key: str) -> str:
    """Return the shard from the key of an object."""
    return key.rpartition("/")[2].partition(".lines")[0].rsplit(".", 3)[1]


def layout_faults(prefix: str, partition: str) -> Iterator[tuple[str, str]]:
    """Yield the faults of a prefix and a partition template, as pairs of key and message."""
    for name, text in (("prefix", prefix), ("partition", re.sub("%.", "0", partition))):
        if not _SAFE.fullmatch(text):
            yield name, "may hold letters, digits and = _ . - / only"
        if any(part in {"", ".", ".."} for part in text.strip("/").split("/")) and text.strip("/"):
            yield name, "may not hold empty, '.' or '..' parts: a key must not leave the prefix"
        if text.startswith("/"):
            yield name, "may not begin with '/'"
    if any(part.startswith("_") for part in prefix.split("/")):
        yield "prefix", "a part that begins with '_' is hidden from Hive, Spark and Athena"
    found = set(re.findall("%(.)", partition))
    for missing in sorted({"Y", "m", "d", "H"} - found):
        yield "partition", f"must hold %{missing}: each hour has a folder of its own, which says when it is complete"
    for strange in sorted(found - _DIRECTIVES):
        yield "partition", f"%{strange} is not known; use %Y, %m, %d, %H"


def extension_of(compression: str) -> str:
    """Return the file extension of a compression."""
    return CODECS[compression].extension
