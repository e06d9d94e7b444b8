"""The audit of a range of hours: each hour, the digests of its objects, and then the chain over all hours.

Memory does not grow with the range: it holds one hour's listing, and a few positions for each shard.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from consumers.audit.finding import Finding, Found, Kind
from consumers.audit.hour import HourAudit, Store, Stored, piece_of
from consumers.audit.ranges import Break, Piece, Ranges
from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.hours.manifest import sealed
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS, Position

READERS = 8
_AT_ONCE = 1_000
_LOOK_BACK_MS = 24 * HOUR_MS
_MOST_LOOK_BACK_MS = 31 * _LOOK_BACK_MS  # for shards that were quiet for a long time
_MOST_SOUGHT = 100


@dataclass(frozen=True, slots=True)
class Span:
    """The audited range, from the first to the last hour, each by its first millisecond.

    `stream` identifies the stream; `layouts` are those of its objects, the present one first. `decided` holds the hours
    that must have a manifest. `ends` maps shards to the end of their objects before the first hour, if it is known.
    """

    stream: str
    layouts: tuple[Layout, ...]
    first_ms: int
    last_ms: int
    decided: range
    ends: Mapping[str, Position] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """The totals so far.

    `declared` lists records that the archive itself reports as missing, or perhaps missing. `unproven` are shards whose
    first object here follows one that is too far back.
    """

    hours: int = 0
    objects: int = 0
    records: int = 0
    bytes: int = 0
    findings: int = 0
    declared: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)


class Audit:
    """An audit of one span."""

    def __init__(self, store: Store, span: Span, found: Found, progress: Callable[[int, Tally], None]) -> None:
        """Store the parts. `progress` is called with the hour and the totals so far."""
        self._store = store
        self._span = span
        self._report = found
        self._progress = progress
        self._shards: dict[str, Ranges] = {}
        self.ends: Mapping[str, Position] = {}
        self.tally = Tally()

    def run(self, *, read: bool) -> Tally:
        """Run the audit. With `read`, every object is read and its digest compared."""
        with ThreadPoolExecutor(READERS) as readers:
            for hour_ms in range(self._span.first_ms, self._span.last_ms + 1, HOUR_MS):
                self._hour(hour_ms, readers if read else None)
        self.ends = {shard: ranges.last for shard, ranges in self._shards.items() if ranges.last}
        self._join_before()
        self._join_behind()
        for shard, ranges in sorted(self._shards.items()):
            self._chain(shard, ranges)
        return self.tally

    def _join_before(self) -> None:
        """Add the object before the first hour to each shard, so that a gap between two audits is found."""
        heads = {shard: ranges.head for shard, ranges in self._shards.items()}
        ends, first_ms = self._span.ends, self._span.first_ms
        wanted = {
            shard: head.first for shard, head in heads.items() if head and head.after and head.after != ends.get(shard)
        }
        farthest_ms = max(first_ms - _MOST_LOOK_BACK_MS, self._span.decided.start - _LOOK_BACK_MS)
        for hour_ms in range(first_ms - HOUR_MS, min(farthest_ms, first_ms - _LOOK_BACK_MS) - 1, -HOUR_MS):
            for shard, piece in self._beside(hour_ms, wanted, before=True):
                self._shards[shard].add(piece)
                del wanted[shard]
        for shard, first in wanted.items():
            end = ends.get(shard)
            if end is not None and end < first:
                self._shards[shard].add(Piece("", end, end, None, None))
            elif not self._shards[shard].is_begun:
                self.tally.unproven.append(shard)

    def _join_behind(self) -> None:
        """Add the object after the last hour to each shard."""
        for shard, piece in self._beside(self._span.last_ms + HOUR_MS, self.ends, before=False):
            self._shards[shard].add(piece)

    def _beside(self, hour_ms: int, bounds: Mapping[str, Position], *, before: bool) -> list[tuple[str, Piece]]:
        if not bounds:
            return []
        hour = HourAudit(self._store, self._span.stream, self._span.layouts, hour_ms, _unsaid)
        return list(hour.around(bounds, before=before))

    def _hour(self, hour_ms: int, readers: ThreadPoolExecutor | None) -> None:
        hour = HourAudit(self._store, self._span.stream, self._span.layouts, hour_ms, self._found)
        standing = hour.run(decided=hour_ms in self._span.decided)
        while some := list(islice(standing, _AT_ONCE)):
            if readers is not None:
                for finding in readers.map(self._compare, some):
                    if finding:
                        self._found(finding)
            self._count(some)
            self._progress(hour_ms, self.tally)
        for shard, pieces in hour.pieces.items():
            ranges = self._shards.setdefault(shard, Ranges())
            for piece in sorted(pieces, key=lambda piece: piece.first):
                if not ranges.add(piece):
                    self._found(Finding("doubled", piece.key, f"{piece.first} to {piece.last} stand elsewhere too"))
        self.tally.hours += 1
        self._progress(hour_ms, self.tally)

    def _compare(self, stored: Stored) -> Finding | None:
        key, said = stored.entry.key, stored.said
        read = self._store.digest(key)
        if read is None:
            return Finding("missing", key, f"{said.records} records, {said.first} to {said.last}")
        digest, size = read
        if digest == said.sha256:
            return None
        kind: Kind = "truncated" if size < said.bytes else "altered"
        return Finding(
            kind, key, f"{size} bytes of {said.bytes}, SHA-256 {digest[:16]}, written was {said.sha256[:16]}"
        )

    def _chain(self, shard: str, ranges: Ranges) -> None:
        sought = 0
        for broken in list(ranges.breaks()):
            if not broken.said and sought < _MOST_SOUGHT:
                sought += 1
                self._seek(shard, ranges, broken)
        for broken in ranges.breaks():
            if broken.said:
                ranges.declared.append(broken)
            else:
                detail = f"{shard}: nothing stands between {broken.before} and {broken.behind.first}"
                if broken.behind.after != broken.before:
                    detail += f", and the object here follows {broken.behind.after}"
                self._found(Finding("gap", broken.behind.key, detail))
        for one in ranges.declared:
            self._found(Finding("declared", one.behind.key, f"{shard}: {one.said} before {one.behind.first}"))

    def _seek(self, shard: str, ranges: Ranges, broken: Break) -> None:
        """Look for objects missing between two others: they may be stored late for an earlier hour, or just now."""
        for layout in self._span.layouts:
            for scan in layout.scans(shard, self._span.first_ms - _LOOK_BACK_MS, self._span.last_ms + HOUR_MS):
                for entry in self._store.list(scan):
                    position = position_in(entry.key)
                    if position is None or not broken.before < position < broken.behind.first:
                        continue
                    try:
                        link = Link.parse(self._store.metadata(entry.key) or {})
                    except Garbled:
                        continue
                    if layout.key(shard, link.first, link.first_arrival_ms) == entry.key:
                        ranges.add(piece_of(sealed(entry, link)))

    def _count(self, some: Iterable[Stored]) -> None:
        for one in some:
            self.tally.objects += 1
            self.tally.records += one.said.records
            self.tally.bytes += one.said.bytes

    def declare(self, where: str, detail: str) -> None:
        """Report missing records that the archive declares outside its objects."""
        self._found(Finding("declared", where, detail))

    def _found(self, finding: Finding) -> None:
        if finding.kind == "declared":
            self.tally.declared.append(finding.detail)
        else:
            self.tally.findings += 1
        self._report(finding)


def _unsaid(_finding: Finding) -> None:
    """Ignore a finding of a neighbouring hour: the audit of that hour reports it."""
