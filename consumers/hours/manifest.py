"""What an hour holds: the seal of each shard, and the manifest of all of them. Plain JSON, camel case."""

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
    """One object. `version` is its ETag, `bytes` its size as stored; positions are `sequence:sub`.

    `index` says where its index is: inside, beside, or none; empty where the object does not say.
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
    """Sums over objects."""

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
    """Why records of the hour may be missing: a shard, a range of arrival times in UTC milliseconds, a reason."""

    shard: str
    reason: str
    from_ms: int
    to_ms: int

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.shard}: {self.reason} up to {moment_text(self.to_ms)}"


class ShardObjects(msgspec.Struct, frozen=True, rename="camel"):
    """A shard's part of the manifest, and the revision of the seal that it was made from."""

    shard: str
    seal: int
    totals: Totals
    objects: tuple[SealedObject, ...]


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """Everything that one hour holds. `complete` is true unless `holes` says what may be missing."""

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
    """What `_SUCCESS`, `_INCOMPLETE` and `_LATE` hold: which hour, its manifest, and the sums."""

    format: str
    hour: str
    manifest: str
    revision: int
    totals: Totals
    holes: tuple[Hole, ...] = ()


def sealed(entry: Entry, link: Link) -> SealedObject:
    """Describe an object by what the listing and its metadata say."""
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
    """Add up objects."""
    found = list(objects)
    return Totals(
        len(found),
        sum(one.records for one in found),
        sum(one.bytes for one in found),
        sum(one.payload_bytes for one in found),
    )


def add(parts: Sequence[Totals]) -> Totals:
    """Add up sums."""
    return Totals(*(sum(column) for column in zip(*(msgspec.structs.astuple(part) for part in parts), strict=True)))


def part_of(seal: Seal) -> ShardObjects:
    """Take a shard's part of the manifest from its seal."""
    return ShardObjects(seal.shard, seal.revision, sums(seal.objects), seal.objects)


def holes(shard: str, gaps: Iterable[Gap], from_ms: int, to_ms: int, grace_ms: int) -> list[Hole]:
    """Say what a shard's gaps take from a range of time.

    One that begins at a watermark may hold records from before it, which came within the grace; one that ends at the
    first record that was read may hold records from after it, in the same way.
    """

    def touches(gap: Gap) -> bool:
        before_ms = 0 if gap.reason in SETTLED_BY_NOBODY else grace_ms
        after_ms = grace_ms if gap.reason in PASSED_OVER else 0
        return gap.from_ms - before_ms < to_ms and gap.to_ms + after_ms > from_ms

    return [Hole(shard, gap.reason, gap.from_ms, gap.to_ms) for gap in gaps if touches(gap)]


def seals_folder(application: str, stream: str, hour_ms: int) -> str:
    """Give what the keys of an hour's seals begin with."""
    return f"{STATE_PREFIX}/{application}/seals/{stream}/{hour_text(hour_ms)}/"


def seal_key(folder: str, shard: str, revision: int) -> str:
    """Name a seal."""
    return f"{folder}{shard}.{revision:0{_DIGITS}d}.json"


def manifest_key(layout: Layout, hour_ms: int, revision: int) -> str:
    """Name a revision of an hour's manifest. Hive, Spark, Trino and Athena skip names with an underscore."""
    return f"{manifests(layout, hour_ms)}{revision:0{_DIGITS}d}.json"


def manifests(layout: Layout, hour_ms: int) -> str:
    """Give what the keys of an hour's manifests begin with."""
    return f"{layout.folder(hour_ms)}_manifest."


def revision_in(key: str) -> int:
    """Read the revision from the key of a seal or a manifest."""
    return int(key.rsplit(".", 2)[1])


def shard_of_seal(key: str) -> str:
    """Read the shard from the key of a seal."""
    return key.rpartition("/")[2].rsplit(".", 2)[0]
