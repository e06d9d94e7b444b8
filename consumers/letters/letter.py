"""A dead letter: one record that was rejected, whole, and why. Many are stored as lines of JSON, compressed by gzip."""

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
"""The reason of a record that ended the process of whoever judged it."""
TOO_SLOW = "too_slow"
"""The reason of a record that took more CPU time to judge than any may."""
ENVELOPE_INVALID = "envelope_invalid"
"""The reason of what the daemon sent as a record, and is none. The payload is its JSON, as it came."""

_MOST_BYTES = 128 << 20  # an object is cut at 64 MiB, and a record of 10 MiB makes a line of 14
_LEVEL = 1  # a dead letter is read seldom; at a bad stream's pace it is the writing that costs
_ENCODER = msgspec.json.Encoder()


class DamagedLetters(ValueError):
    """The bytes are not what was stored."""

    exit_code = 65


class StillUnreadable(ValueError):
    """What was set aside is no record for this version either."""


class LetterHead(msgspec.Struct, frozen=True):
    """What all letters of one shard's writer have in common: the stream's name, the shard, and who rejects."""

    stream: str
    shard: str
    consumer: str
    version: str
    application: str


class Letter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A rejected record. Whoever counts takes those of one position as one: see `consumers.letters.reading`.

    `sequence` is the decimal number as Kinesis gives it, `arrival_ms` UTC milliseconds. `reason` is one word, to filter
    by; `detail` is for people, and may quote the record. `partition_key` is None where the record has none.
    `behind`: this is no record with a place of its own, but the first, second, ... that came behind that position.
    An `arrival_ms` of 0 is not known.
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
        """Where its record stands in the shard."""
        return Position(int(self.sequence), self.sub)

    @property
    def place(self) -> "LetterOf":
        """Whose letter it is: those of one place are one."""
        return LetterOf(self.stream, self.shard, self.position, self.behind or 0)

    def record(self) -> Record:
        """Give the record back, as it was delivered.

        Raises:
            StillUnreadable: it is none that this version can read either.

        """
        if self.reason == ENVELOPE_INVALID:
            read = record_of(self.payload)
            if isinstance(read, Record):
                return read
            raise StillUnreadable(read.fault)
        return Record(self.payload, self.partition_key, self.sequence, self.arrival_ms, self.sub)


class LetterOf(NamedTuple):
    """What identifies a letter."""

    stream: str
    shard: str
    position: Position
    behind: int


_DECODER = msgspec.json.Decoder(Letter)


def letter_of(head: LetterHead, record: Record, reason: str, detail: str) -> Letter:
    """Make a record's letter. The detail is cut, and whatever is no Unicode in it replaced."""
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
    """Make the letter of what is no record: at its own position, or else as the n-th behind another one.

    Its arrival is a function of its place, so that it meets the same key at each delivery.
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
    """Write a letter as a line of JSON: the same bytes for the same letter."""
    return _ENCODER.encode(letter) + b"\n"


def packed(lines: Iterable[bytes]) -> bytes:
    """Compress lines. The time is no part of it."""
    compressor = CODECS["gzip"].compressor(_LEVEL)
    return b"".join((*map(compressor.compress, lines), compressor.flush()))


def unpacked(body: bytes) -> bytes:
    """Give the lines again.

    Raises:
        DamagedLetters: they were cut short or altered.

    """
    if not body:  # which gzip takes for nothing compressed
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
    """Read the letters of those lines.

    Raises:
        DamagedLetters: a line is none, or its sequence number or sub-sequence number.

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
    """Take letters of one position as one, in the order of shards and positions.

    That of the later version of the consumer stands; of one version, the last that was given.
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
