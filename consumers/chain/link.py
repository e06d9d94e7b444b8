"""A link of the chain: the description, in an object's metadata, of the run of records that it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.objects.codecs import Garbled
from consumers.records import Position
from consumers.waiting import Parked

FORMAT = "1"
UNREADABLE = (
    "if the bucket itself shows its metadata, something before it strips them. Otherwise restore the object with its "
    "metadata, or move it out of the prefix"
)
"""The remedy for an object whose metadata the fleet did not write."""

_NOTE = "note-"
_DERIVED_MS = 5_000  # the most by which a derived arrival time differs from a given one; no stream is made anew as fast


@dataclass(frozen=True, slots=True, kw_only=True)
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
                stream=metadata["stream"],
                shard=metadata["shard"],
                first=Position.parse(metadata["first"]),
                last=Position.parse(metadata["last"]),
                after=Position.parse(metadata["after"]) if metadata["after"] else None,
                origin=metadata["origin"] or None,
                count=int(metadata["count"]),
                size=int(metadata["bytes"]),
                payload_bytes=int(metadata["payload-bytes"]),
                first_arrival_ms=arrivals[0],
                min_arrival_ms=arrivals[1],
                max_arrival_ms=arrivals[2],
                sha256=metadata["sha256"],
                writer=metadata["writer"],
                notes={name.removeprefix(_NOTE): value for name, value in metadata.items() if name.startswith(_NOTE)},
            )
        except (KeyError, ValueError, IndexError) as fault:
            message = f"its metadata is incomplete or damaged ({type(fault).__name__}: {str(fault)[:60]})"
            raise Garbled(message) from fault
        if link.last < link.first or link.count < 0 or (link.count and not link.last.names_a_record):
            message = "its metadata contradicts itself: the range ends before it begins"
            raise Garbled(message)
        return link


def insist_on_one_stream(link: Link, key: str, at: Position, arrival_ms: int) -> None:
    """Check that an object which covers a position is of the same stream as the record there.

    Kinesis sets a record's arrival time once. Where it sets none, the derived one is some seconds early. A stream that
    was made anew under its name may number its records as the former one did, but they arrive later.

    Raises:
        Parked: the object holds no record that arrived at that time.

    """
    arrivals = (link.first_arrival_ms,) * 2 if at == link.first else (link.min_arrival_ms, link.max_arrival_ms)
    if link.count and not arrivals[0] - _DERIVED_MS <= arrival_ms <= arrivals[1] + _DERIVED_MS:
        reason = f"{key} stands where {at} belongs, and holds no record of its arrival time, {arrival_ms} ms"
        remedy = (
            "if the stream was made anew under its name, begin anew as docs/operations.md says; otherwise move the "
            "object out of the prefix"
        )
        raise Parked(reason, remedy)
