"""The seal of each shard in an hour, and the manifest of all of them. Both are plain JSON with camel-case names."""

from collections.abc import Iterable, Sequence

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.chain.store import STATE_PREFIX, Entry
from consumers.hours.reading import PASSED_OVER, SETTLED_BY_NOBODY, Gap
from consumers.hours.times import hour_text, moment_text
from consumers.objects.writer import INDEX

FORMAT = "1"
_DIGITS = 4

SUCCESS = "_SUCCESS"
INCOMPLETE = "_INCOMPLETE"
LATE = "_LATE"


class SealedObject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One object. `version` is its ETag, `bytes` its stored size; positions are `sequence:sub`.

    `index` is the place of its index: inside, beside, or none. It is empty where the object's metadata do not tell.
    """

    key: str
    first: str
    last: str
    after: str
    origin: str
    records: int
    bytes: int
    payload_bytes: int
    min_arrival_ms: int
    max_arrival_ms: int
    sha256: str
    version: str
    index: str = ""


class Totals(msgspec.Struct, frozen=True, rename="camel"):
    """The sums over a set of objects."""

    objects: int = 0
    records: int = 0
    bytes: int = 0
    payload_bytes: int = 0


class Seal(msgspec.Struct, frozen=True, rename="camel"):
    """All objects of one shard in one hour, as they stood when the shard's watermark passed the hour."""

    format: str
    stream: str
    shard: str
    hour: str
    revision: int
    objects: tuple[SealedObject, ...]


class Hole(msgspec.Struct, frozen=True, rename="camel"):
    """A range of an hour in which records may be missing: shard, reason, and arrival times in UTC milliseconds."""

    shard: str
    reason: str
    from_ms: int
    to_ms: int

    def __str__(self) -> str:
        """Return the hole as one line of text."""
        return f"{self.shard}: {self.reason} up to {moment_text(self.to_ms)}"


class ShardObjects(msgspec.Struct, frozen=True, rename="camel"):
    """One shard's part of the manifest, and the revision of the seal from which it was made."""

    shard: str
    seal: int
    totals: Totals
    objects: tuple[SealedObject, ...]


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """The contents of one hour. `complete` is true unless `holes` names what may be missing."""

    format: str
    stream: str
    application: str
    hour: str
    revision: int
    complete: bool
    holes: tuple[Hole, ...]
    totals: Totals
    shards: tuple[ShardObjects, ...]

    @property
    def seals(self) -> dict[str, int]:
        """The revision of each shard's seal."""
        return {part.shard: part.seal for part in self.shards}


class Note(msgspec.Struct, frozen=True, rename="camel"):
    """The contents of `_SUCCESS`, `_INCOMPLETE` and `_LATE`: the hour, the key of its manifest, and its totals."""

    format: str
    hour: str
    manifest: str
    revision: int
    totals: Totals
    holes: tuple[Hole, ...] = ()


def sealed(entry: Entry, link: Link) -> SealedObject:
    """Make the description of an object from its entry in the listing and its metadata."""
    return SealedObject(
        entry.key,
        str(link.first),
        str(link.last),
        str(link.after) if link.after else "",
        link.origin or "",
        link.count,
        entry.size,
        link.payload_bytes,
        link.min_arrival_ms,
        link.max_arrival_ms,
        link.sha256,
        entry.version,
        link.notes.get(INDEX, ""),
    )


def sums(objects: Iterable[SealedObject]) -> Totals:
    """Sum up objects."""
    found = list(objects)
    return Totals(
        len(found),
        sum(one.records for one in found),
        sum(one.bytes for one in found),
        sum(one.payload_bytes for one in found),
    )


def add(parts: Sequence[Totals]) -> Totals:
    """Add up totals."""
    return Totals(*(sum(column) for column in zip(*(msgspec.structs.astuple(part) for part in parts), strict=True)))


def part_of(seal: Seal) -> ShardObjects:
    """Make a shard's part of the manifest from its seal."""
    return ShardObjects(seal.shard, seal.revision, sums(seal.objects), seal.objects)


def holes(shard: str, gaps: Iterable[Gap], from_ms: int, to_ms: int, grace_ms: int) -> list[Hole]:
    """Return the holes that a shard's gaps make in a range of time.

    Records from before a gap that begins at a watermark may be missing too, up to the grace: they may have come late.
    In the same way, records from after a gap that ends at the first record read may be missing.
    """

    def touches(gap: Gap) -> bool:
        before_ms = 0 if gap.reason in SETTLED_BY_NOBODY else grace_ms
        after_ms = grace_ms if gap.reason in PASSED_OVER else 0
        return gap.from_ms - before_ms < to_ms and gap.to_ms + after_ms > from_ms

    return [Hole(shard, gap.reason, gap.from_ms, gap.to_ms) for gap in gaps if touches(gap)]


def seals_folder(application: str, stream: str, hour_ms: int) -> str:
    """Return the key prefix of an hour's seals."""
    return f"{STATE_PREFIX}/{application}/seals/{stream}/{hour_text(hour_ms)}/"


def seal_key(folder: str, shard: str, revision: int) -> str:
    """Return the key of a seal."""
    return f"{folder}{shard}.{revision:0{_DIGITS}d}.json"


def manifest_key(layout: Layout, hour_ms: int, revision: int) -> str:
    """Return the key of a manifest. Hive, Spark, Trino and Athena skip names that begin with an underscore."""
    return f"{manifests(layout, hour_ms)}{revision:0{_DIGITS}d}.json"


def manifests(layout: Layout, hour_ms: int) -> str:
    """Return the key prefix of an hour's manifests."""
    return f"{layout.folder(hour_ms)}_manifest."


def revision_in(key: str) -> int:
    """Return the revision from the key of a seal or a manifest."""
    return int(key.rsplit(".", 2)[1])


def shard_of_seal(key: str) -> str:
    """Return the shard from the key of a seal."""
    return key.rpartition("/")[2].rsplit(".", 2)[0]
