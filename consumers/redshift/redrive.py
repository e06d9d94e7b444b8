"""Dead letters that make rows now: each record becomes an object of its own, named by its position.

A second redrive of a record meets the same key, so the record is staged once. These objects are never pruned, since a
letter may be redriven again at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.chain.store import ObjectStore
from consumers.letters.letter import Letter, letters_in, unpacked
from consumers.records import SEQUENCE_DIGITS, SUB_DIGITS, Record
from consumers.redshift.stage_writer import StageWriter

ROW = ".row"
"""The part of these objects' names that takes the place of `.lines` in those of a chain."""

ORIGIN = "REDRIVE"


def row_key(layout: Layout, shard: str, record: Record) -> str:
    """Return the key of the object of a redriven record."""
    position = record.position
    at = f"{position.sequence:0{SEQUENCE_DIGITS}d}.{position.sub:0{SUB_DIGITS}d}"
    return f"{layout.scan(shard, record.arrival_ms)}{at}{ROW}{layout.extension}"


def is_redriven(key: str) -> bool:
    """Return whether a key is that of an object of one redriven record."""
    return f"{ROW}." in key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class RedrivePlace:
    """Where a shard's redriven rows go. `stream` identifies the stream; `writer` names the process that redrives."""

    layout: Layout
    stream: str
    shard: str
    writer: str


def redrive(
    store: ObjectStore, place: RedrivePlace, records: Sequence[Record], new_writer: Callable[[], StageWriter]
) -> list[Letter]:
    """Stage the records that make rows, and return the letters of the rest.

    Raises:
        Unavailable: the bucket does not accept. The whole call may be repeated.
    """
    rejected: list[Letter] = []
    for record in records:
        writer = new_writer()
        writer.add([record], [record.arrival_ms])
        content = writer.finish()
        if content.rejected:
            rejected += letters_in(unpacked(content.letters))
            continue
        at, ms = record.position, record.arrival_ms
        size, payload, digest = len(content.body), content.payload_bytes, content.sha256.hex()
        link = Link(
            stream=place.stream,
            shard=place.shard,
            first=at,
            last=at,
            after=None,
            origin=ORIGIN,
            count=1,
            size=size,
            payload_bytes=payload,
            first_arrival_ms=ms,
            min_arrival_ms=ms,
            max_arrival_ms=ms,
            sha256=digest,
            writer=place.writer,
            notes=content.notes,
        )
        store.put_new(row_key(place.layout, place.shard, record), content.body, link.metadata(), content.sha256)
    return rejected
