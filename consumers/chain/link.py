"""A link of the chain: the description, in an object's metadata, of the run of records that it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.objects.codecs import Garbled
from consumers.records import Position

FORMAT = "1"
UNREADABLE = (
    "if the bucket itself shows its metadata, something before it strips them. Otherwise restore the object with its "
    "metadata, or move it out of the prefix"
)
"""The remedy for an object whose metadata the fleet did not write."""

_NOTE = "note-"


@dataclass(frozen=True, slots=True)
class Link:
    """One object's place in its shard's chain.

    `after` is the position after which it begins: the end of the link before it, or the checkpoint it started from.
    `origin` is set where nothing proves that no record lies between `after` and `first`: the initial position of a
    first start (TRIM_HORIZON, LATEST, AT_TIMESTAMP), or the reason of a gap before it, such as RETENTION where records
    may have expired unread. A link of zero records marks a range that was never delivered to a writer
    (docs/guarantee.md). `size` is the object's in bytes. Arrival times are UTC milliseconds. `notes` are the content's
    own: the chain does not read them.
    """

    stream: str
    shard: str
    first: Position
    last: Position
    after: Position | None
    origin: str | None
    count: int
    size: int
    payload_bytes: int
    first_arrival_ms: int
    min_arrival_ms: int
    max_arrival_ms: int
    sha256: str
    writer: str
    notes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def metadata(self) -> dict[str, str]:
        """Return the link as S3 user metadata (lower-case names, ASCII values, under 2 KB in all)."""
        return {
            "format": FORMAT,
            "stream": self.stream,
            "shard": self.shard,
            "first": str(self.first),
            "last": str(self.last),
            "after": str(self.after) if self.after else "",
            "origin": self.origin or "",
            "count": str(self.count),
            "bytes": str(self.size),
            "payload-bytes": str(self.payload_bytes),
            "arrivals-ms": f"{self.first_arrival_ms} {self.min_arrival_ms} {self.max_arrival_ms}",
            "sha256": self.sha256,
            "writer": self.writer,
            **{_NOTE + name: value for name, value in self.notes.items()},
        }

    @classmethod
    def parse(cls, metadata: Mapping[str, str]) -> "Link":
        """Parse a link from S3 user metadata.

        Raises:
            Garbled: the metadata is missing, of another format, damaged, or contradicts itself.

        """
        if metadata.get("format") != FORMAT:
            message = f"its metadata has format {metadata.get('format', 'missing')[:20]!r}, not {FORMAT!r}"
            raise Garbled(message)
        try:
            arrivals = [int(part) for part in metadata["arrivals-ms"].split()]
            link = cls(
                metadata["stream"],
                metadata["shard"],
                Position.parse(metadata["first"]),
                Position.parse(metadata["last"]),
                Position.parse(metadata["after"]) if metadata["after"] else None,
                metadata["origin"] or None,
                int(metadata["count"]),
                int(metadata["bytes"]),
                int(metadata["payload-bytes"]),
                arrivals[0],
                arrivals[1],
                arrivals[2],
                metadata["sha256"],
                metadata["writer"],
                {name.removeprefix(_NOTE): value for name, value in metadata.items() if name.startswith(_NOTE)},
            )
        except (KeyError, ValueError, IndexError) as fault:
            message = f"its metadata is incomplete or damaged ({type(fault).__name__}: {str(fault)[:60]})"
            raise Garbled(message) from fault
        if link.last < link.first or link.count < 0 or (link.count and not link.last.names_a_record):
            message = "its metadata contradicts itself: the range ends before it begins"
            raise Garbled(message)
        return link
