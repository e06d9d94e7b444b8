"""A dead letter: one rejected record, whole, with the reason. Letters are stored as lines of JSON, gzip-compressed."""

import io
import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from consumers.envelope import Unreadable, record_of
from consumers.objects.codecs import CODECS, DAMAGE, gunzip
from consumers.records import Position, Record
from consumers.sequence import put_ms
from consumers.undecodable import UNDECODABLE

DETAIL_MAX = 2_000
KILLS_PROCESS = "kills_process"
"""The reason of a record that ended the process that judged it."""
TOO_SLOW = "too_slow"
"""The reason of a record that took too much CPU time to judge."""
ENVELOPE_INVALID = "envelope_invalid"
"""The reason of an element that the daemon sent as a record and that is none. The payload is its JSON."""

_MOST_BYTES = 128 << 20  # an object is cut at 64 MiB, and a record of 10 MiB makes a line of 14
_LEVEL = 1  # letters are seldom read; writing them is what costs while a stream is bad
_ENCODER = msgspec.json.Encoder()


class DamagedLetters(ValueError):
    """The bytes are not those that were stored."""

    exit_code = 65


class StillUnreadable(ValueError):
    """The element that was set aside is no record for this version either."""


class LetterHead(msgspec.Struct, frozen=True):
    """The fields that all letters of one shard's writer share: the stream's name, the shard and the consumer."""

    stream: str
    shard: str
    consumer: str
    version: str
    application: str


class Letter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A rejected record. Letters of one position count as one (`consumers.letters.reading`).

    `sequence` is the decimal number as Kinesis gives it. `arrival_ms` is in UTC milliseconds; 0 means unknown. `reason`
    is one word, to filter by. `detail` is a text, and may quote the record. `partition_key` is None where the record
    has none. `behind` is set for an element without a position of its own: it was the first, second, ... one behind
    that position.
    """

    stream: str
    shard: str
    sequence: str
    sub: int
    partition_key: str | None = None
    arrival_ms: int
    payload: bytes
    reason: str
    detail: str
    consumer: str
    version: str
    application: str
    behind: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def position(self) -> Position:
        """The position of its record in the shard."""
        return Position(int(self.sequence), self.sub)

    @property
    def place(self) -> "LetterOf":
        """The identity of the letter: letters of one place count as one."""
        return LetterOf(self.stream, self.shard, self.position, self.behind or 0)

    def record(self) -> Record:
        """Return the record as it was delivered.

        Raises:
            StillUnreadable: this version cannot read it either.

        """
        if self.reason == ENVELOPE_INVALID:
            read = record_of(self.payload)
            if isinstance(read, Record):
                return read
            raise StillUnreadable(read.fault)
        return Record(self.payload, self.partition_key, self.sequence, self.arrival_ms, self.sub)


class LetterOf(NamedTuple):
    """The identity of a letter."""

    stream: str
    shard: str
    position: Position
    behind: int


_DECODER = msgspec.json.Decoder(Letter)


def letter_of(head: LetterHead, record: Record, reason: str, detail: str) -> Letter:
    """Make the letter of a record. The detail is cut to `DETAIL_MAX`, and what is not Unicode in it is replaced."""
    return Letter(
        stream=head.stream,
        shard=head.shard,
        sequence=record.sequence_number,
        sub=record.sub_sequence_number,
        partition_key=record.partition_key,
        arrival_ms=record.arrival_ms,
        payload=record.payload,
        reason=reason,
        detail=_bounded(detail),
        consumer=head.consumer,
        version=head.version,
        application=head.application,
    )


def letter_of_unreadable(head: LetterHead, one: Unreadable, after: Position, behind: int) -> Letter:
    """Make the letter of an element that is no record, at its own position or as the n-th behind another.

    Its arrival time is a function of its place, so that each delivery computes the same key.
    """
    at = one.position or after
    known_ms = one.arrival_ms if one.position else None
    return Letter(
        stream=head.stream,
        shard=head.shard,
        sequence=str(at.sequence),
        sub=at.sub,
        arrival_ms=(put_ms(at.sequence) or 0) if known_ms is None else known_ms,
        payload=one.raw,
        reason=ENVELOPE_INVALID,
        detail=_bounded(one.fault),
        consumer=head.consumer,
        version=head.version,
        application=head.application,
        behind=msgspec.UNSET if one.position else behind,
    )


def line_of(letter: Letter) -> bytes:
    """Return the letter as a line of JSON: the same bytes for the same letter."""
    return _ENCODER.encode(letter) + b"\n"


def packed(lines: Iterable[bytes]) -> bytes:
    """Compress lines. The same lines give the same bytes, since no time is stored."""
    compressor = CODECS["gzip"].compressor(_LEVEL)
    return b"".join((*map(compressor.compress, lines), compressor.flush()))


def unpacked(body: bytes) -> bytes:
    """Decompress lines.

    Raises:
        DamagedLetters: they were cut short or altered.

    """
    if not body:  # gzip reads no bytes as empty content
        message = "is empty"
        raise DamagedLetters(message)
    try:
        lines = gunzip(io.BytesIO(body)).read(_MOST_BYTES + 1)
    except DAMAGE as fault:
        message = f"cannot be decompressed: {type(fault).__name__}"
        raise DamagedLetters(message) from fault
    if len(lines) > _MOST_BYTES:
        message = f"inflates to more than {_MOST_BYTES} bytes, which none of ours does"
        raise DamagedLetters(message)
    return lines


def letters_in(lines: bytes) -> list[Letter]:
    """Decode the letters of lines.

    Raises:
        DamagedLetters: a line is not a letter, or has no decimal sequence number.

    """
    try:
        letters = _DECODER.decode_lines(lines)
    except UNDECODABLE as fault:
        message = "does not hold letters, or those of another version"
        raise DamagedLetters(message) from fault
    for letter in letters:
        if not (letter.sequence.isascii() and letter.sequence.isdigit()):
            message = "holds a letter without a sequence number"
            raise DamagedLetters(message)
    return letters


def unique(letters: Iterable[Letter]) -> list[Letter]:
    """Return one letter for each place, in the order of shards and positions.

    The letter of the latest version of the consumer is kept; of one version, the last in order.
    """
    found: dict[LetterOf, Letter] = {}
    for letter in letters:
        place = letter.place
        if place not in found or _version(letter) >= _version(found[place]):
            found[place] = letter
    return [found[place] for place in sorted(found)]


def _bounded(detail: str) -> str:
    text = detail.encode("utf-8", "replace").decode()
    return text if len(text) <= DETAIL_MAX else text[: DETAIL_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _version(letter: Letter) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", letter.version)]
