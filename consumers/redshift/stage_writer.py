"""Builds a staged object: the rows of a run of records, and beside it the dead letters of the rejected records.

The object is one gzip member with one line of JSON per row, for COPY. A digest of the letters is in the object's link
and names their object. So, if two objects race for a key, only the letters of the stored one are ever used.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from consumers.documents.document import Rejected
from consumers.documents.meter import Meter
from consumers.letters.letter import LetterHead, letter_of, line_of, packed
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectBytes, ObjectWriter
from consumers.parts import LOOK_S
from consumers.records import Record

ROWS, REJECTED, TABLE, LETTERS = "rows", "rejected", "table", "letters"
"""The names of a staged object's notes: rows and rejected records, the table's version, and the letters' digest."""

_DIGEST_DIGITS = 16
_RAW, _RAW_LEVEL = CODECS["zstd"], 1  # read again only if another writer's object ends inside this one
_RAW_SHARE = 4  # rows may be small: the compressed records in memory may have this many times their bytes

Judge = Callable[[Record], tuple[bytes, ...] | Rejected]


def letters_key(key: str, digest: str) -> str:
    """Return the key of the letters beside a staged object. The underscore hides it from listings of rows."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}_{name}.{digest[:_DIGEST_DIGITS]}.letters.gz"


@dataclass(frozen=True, slots=True)
class StageContent:
    """A finished staged object. `rejected` counts records, `letters` are their packed dead letters."""

    body: bytes
    sha256: bytes
    rows: int
    rejected: int
    table: int
    letters: bytes
    raw: ObjectBytes

    @property
    def payload_bytes(self) -> int:
        """The bytes of its records' payloads."""
        return self.raw.payload_bytes

    @property
    def notes(self) -> Mapping[str, str]:
        """The notes of the link, for the loader and for a writer that adopts the object."""
        return {
            ROWS: str(self.rows),
            REJECTED: str(self.rejected),
            TABLE: str(self.table),
            LETTERS: self._letters_digest if self.rejected else "",
        }

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Return the key and body of the dead letters, if there are any."""
        return ((letters_key(key, self._letters_digest), self.letters),) if self.rejected else ()

    def records(self) -> Iterable[Record]:
        """Return the records that the object was made of."""
        return self.raw.records()

    @property
    def _letters_digest(self) -> str:
        return hashlib.sha256(self.letters).hexdigest()


class StageWriter:
    """Writes one row per line. A record without rows becomes a dead letter."""

    def __init__(
        self,
        judge: Judge,
        table: int,
        head: LetterHead,
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | None = None,
    ) -> None:
        """Begin an object. `table` is the version of the table that `judge` makes rows for.

        `clock` returns monotonic seconds. `meter` counts the bytes that the judge has inflated.
        """
        self._judge = judge
        self._clock = clock
        self._meter = meter or Meter()
        self._inflated_before = self._meter.total_bytes
        self._table = table
        self._head = head
        codec = CODECS["gzip"]
        self._compressor = codec.compressor(codec.default_level)
        self._raw = ObjectWriter(_RAW, _RAW_LEVEL)
        self._parts: list[bytes] = []
        self._letters: list[bytes] = []
        self._rows = 0
        self._kept_bytes = 0

    @property
    def compressed_bytes(self) -> int:
        """The bytes so far, as they are stored, or a quarter of the compressed records in memory if that is more."""
        return max(self._kept_bytes, self._raw.compressed_bytes // _RAW_SHARE)

    @property
    def payload_bytes(self) -> int:
        """The bytes of the payloads so far, and of their inflated content."""
        return self._raw.payload_bytes + self._meter.total_bytes - self._inflated_before

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Judge records until LOOK_S seconds have passed, and append their rows. Return how many were taken."""
        taken, lines = self._judged(records)
        self._keep(self._compressor.compress(b"".join(lines)))
        self._raw.add(records[:taken], arrivals_ms[:taken])
        self._rows += len(lines)
        return taken

    def _judged(self, records: Sequence[Record]) -> tuple[int, list[bytes]]:
        lines: list[bytes] = []
        taken, until = 0, self._clock() + LOOK_S
        for record in records:
            judged = self._judge(record)
            taken += 1
            if isinstance(judged, tuple):
                lines += judged
            else:
                letter = line_of(letter_of(self._head, record, judged.reason, judged.detail))
                self._letters.append(letter)
                self._kept_bytes += len(letter)  # their size in memory, which this bounds too
            if self._clock() >= until:
                break
        return taken, lines

    def finish(self) -> StageContent:
        """Return the object. The writer cannot be used any more."""
        self._keep(self._compressor.flush())
        body = b"".join(self._parts)
        letters = packed(self._letters) if self._letters else b""
        digest = hashlib.sha256(body).digest()
        return StageContent(body, digest, self._rows, len(self._letters), self._table, letters, self._raw.finish())

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._kept_bytes += len(part)
