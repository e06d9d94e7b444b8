"""The staging area as a loader sees it: its objects, and what their links say."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.store import Entry, ObjectStore
from consumers.hours.times import parse_hour
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS
from consumers.redshift.redrive import is_redriven
from consumers.redshift.stage_writer import REJECTED, ROWS, TABLE

_MOST_LISTED_APART = 72  # hours; for more, one listing of everything takes fewer requests
_HOUR = re.compile(r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/[^/]+")


class Staged(NamedTuple):
    """A staged object. `hour_ms` is its arrival hour; `rows` and `rejected` count the results of its records."""

    key: str
    size: int
    hour_ms: int
    link: Link
    rows: int
    rejected: int
    table: int


class StagedArea:
    """Lists and reads one stream's staged objects. Each call may raise `Unavailable`."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        """Store the bucket and the layout."""
        self._store = store
        self._layout = layout

    def entries(self, from_ms: int | None = None) -> Iterator[Entry]:
        """Yield the objects from this hour on, or all, in the order of their keys: by hour, shard, position."""
        to_ms = self._store.now_ms() + 2 * HOUR_MS  # the stream's clock may be ahead
        if from_ms is None or to_ms - from_ms > _MOST_LISTED_APART * HOUR_MS:
            yield from self._list(f"{self._layout.prefix}/dt=")
            return
        for hour_ms in range(from_ms, to_ms, HOUR_MS):
            yield from self.of_hour(hour_ms)

    def of_hour(self, hour_ms: int) -> Iterator[Entry]:
        """Yield the objects of one hour, in the order of their keys."""
        return self._list(f"{self._layout.folder(hour_ms)}{self._layout.stream}.")

    def hour_of(self, key: str) -> int:
        """Return the arrival hour in a key, in UTC milliseconds."""
        found = _HOUR.fullmatch(key.removeprefix(f"{self._layout.prefix}/"))
        if found is None:  # pragma: no cover - `entries` yields no such key
            message = f"{key} is no staged object's"
            raise ValueError(message)
        return parse_hour(f"{found[1]}T{found[2]}")

    def read(self, entry: Entry) -> Staged | None:
        """Read the link of an object. Return None if the object is gone.

        Raises:
            Garbled: it is no staged object, or its metadata was lost in a copy.
        """
        metadata = self._store.metadata(entry.key)
        if metadata is None:
            return None
        link = Link.parse(metadata)
        notes = link.notes
        try:
            rows, rejected, table = (int(notes.get(name, "0")) for name in (ROWS, REJECTED, TABLE))
        except ValueError as fault:
            message = "its notes are damaged"
            raise Garbled(message) from fault
        if link.size != entry.size or link.stream == "" or (link.count and not table):
            message = "its metadata speaks of another object"
            raise Garbled(message)
        return Staged(entry.key, entry.size, self.hour_of(entry.key), link, rows, rejected, table)

    def _list(self, scan: str) -> Iterator[Entry]:
        for entry in self._store.list(scan):
            name = entry.key.rpartition("/")[2]
            ours = position_in(entry.key) is not None or is_redriven(name)
            if (
                ours
                and name.startswith(f"{self._layout.stream}.")
                and _HOUR.fullmatch(entry.key.removeprefix(f"{self._layout.prefix}/"))
            ):
                yield entry
