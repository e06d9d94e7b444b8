"""Builds a staged object: the rows of a run of records, and beside it the dead letters of those that make none.

The object is one member of gzip with a line of JSON for each row, for COPY. What names its letters is a digest of them,
in its link: of two objects that raced for a key, only the letters of the one that stands are ever anybody's.
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
from consumers.pipeline import LOOK_S
from consumers.records import Record

ROWS, REJECTED, TABLE, LETTERS = "rows", "rejected", "table", "letters"
"""The names of a staged object's notes: rows and rejected records, the table's version, and the letters' digest."""

_DIGEST_DIGITS = 16
_RAW, _RAW_LEVEL = CODECS["zstd"], 1  # read again only where another writer's object ends inside ours
_RAW_SHARE = 4  # a table may take little of its records: they lie in memory at this many times an object's bytes

Judge = Callable[[Record], tuple[bytes, ...] | Rejected]


def letters_key(key: str, digest: str) -> str:
    """Name the object of dead letters that stands beside a staged one. The underscore hides it from who lists rows."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}_{name}.{digest[:_DIGEST_DIGITS]}.letters.gz"


@dataclass(frozen=True, slots=True)
class StageContent:
    """A finished staged object. `rejected` are records, `letters` the packed dead letters of them."""

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
        """What the loader, and whoever adopts the object, must know."""
        return {
            ROWS: str(self.rows),
            REJECTED: str(self.rejected),
            TABLE: str(self.table),
            LETTERS: self._letters_digest if self.rejected else "",
        }

    def beside(self, key: str) -> Iterable[tuple[str, bytes]]:
        """Give the dead letters, if there are any."""
        return ((letters_key(key, self._letters_digest), self.letters),) if self.rejected else ()

    def records(self) -> Iterable[Record]:
        """Give the records that it was made of."""
        return self.raw.records()

    @property
    def _letters_digest(self) -> str:
        return hashlib.sha256(self.letters).hexdigest()


class StageWriter:
    """One row a line; a record without rows leaves a letter."""

    def __init__(
        self,
        judge: Judge,
        table: int,
        head: LetterHead,
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | None = None,
    ) -> None:
        """Begin an object. `table` is the version of the table that `judge` makes rows for.

        `clock` gives monotonic seconds, and `meter` how much the judge has inflated.
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
        """The bytes so far, as they are stored; more where the records themselves take the memory."""
        return max(self._kept_bytes, self._raw.compressed_bytes // _RAW_SHARE)

    @property
    def payload_bytes(self) -> int:
        """The bytes of the payloads so far, and of what they were inflated to."""
        return self._raw.payload_bytes + self._meter.total_bytes - self._inflated_before

    def add(self, records: Sequence[Record], arrivals_ms: list[int]) -> int:
        """Judge a run, or as much of it as there is time for, and append its rows."""
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
                self._kept_bytes += len(letter)  # as they lie in memory, so that they bound it too
            if self._clock() >= until:
                break
        return taken, lines

    def finish(self) -> StageContent:
        """Return the object. The writer is of no more use."""
        self._keep(self._compressor.flush())
        body = b"".join(self._parts)
        letters = packed(self._letters) if self._letters else b""
        digest = hashlib.sha256(body).digest()
        return StageContent(body, digest, self._rows, len(self._letters), self._table, letters, self._raw.finish())

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._kept_bytes += len(part)
