"""Seals a shard's hours: writes down, once, which objects of it an hour holds."""

import hashlib
from collections.abc import Iterable

import msgspec

from consumers.chain.layout import Layout, position_in
from consumers.chain.link import Link
from consumers.chain.store import Entry, ObjectStore
from consumers.hours.manifest import (
    FORMAT,
    Seal,
    SealedObject,
    revision_in,
    seal_key,
    sealed,
    seals_folder,
)
from consumers.hours.place import HoursPlace
from consumers.hours.stored import RESTORE, decoded
from consumers.hours.times import hour_of, hour_text
from consumers.objects.codecs import Garbled
from consumers.records import Position
from consumers.waiting import Parked, Unavailable

_MOST_KEPT = 5_000  # links in memory; what lies beyond is looked up when its hour is sealed


class Sealer:
    """One shard's seals."""

    def __init__(self, store: ObjectStore, place: HoursPlace, shard: str, layouts: Iterable[Layout]) -> None:
        """Begin with nothing known. `layouts` are those that its objects were written in, the present one first."""
        self._store = store
        self._application = place.application
        self._stream = place.stream
        self._shard = shard
        self._layouts = tuple(layouts)
        self._links: dict[str, Link] = {}
        self._sealed: tuple[int, frozenset[str]] = (-1, frozenset())
        self._told: tuple[int, frozenset[str]] = self._sealed

    def stands(self, key: str, link: Link) -> None:
        """Remember an object, so that it need not be looked up."""
        if len(self._links) < _MOST_KEPT:
            self._links[key] = link

    def seal(self, hour_ms: int) -> int:
        """Write down what the hour holds of this shard, unless a seal says it; the seal's revision, 0 for no objects.

        What a former revision says of an object stays, whatever became of the object: that is for an audit to find.
        """
        while True:
            last = self._last(hour_ms)
            former = self._load(seal_key(self._folder(hour_ms), self._shard, last)) if last else ()
            known = {one.key for one in former}
            added = [sealed(entry, self._link(entry)) for entry in self._entries(hour_ms) if entry.key not in known]
            if not added:
                self._sealed = (hour_ms, frozenset(known))
                return last
            objects = tuple(sorted((*former, *added), key=lambda one: Position.parse(one.first)))
            seal = Seal(FORMAT, self._stream, self._shard, hour_text(hour_ms), last + 1, objects)
            body = msgspec.json.encode(seal)
            key = seal_key(self._folder(hour_ms), self._shard, last + 1)
            self._store.put_new(key, body, {}, hashlib.sha256(body).digest())
            # And look again: whoever stored an object meanwhile has seen no seal, and so does not revise it.

    def is_sealed(self, hour_ms: int) -> bool:
        """Whether anybody has sealed the hour of this shard."""
        return self._last(hour_ms) > 0

    def told(self) -> None:
        """Remember that the hour sealed last has its manifest brought up to the seal."""
        self._told = self._sealed

    def has_told(self, hour_ms: int, key: str) -> bool:
        """Whether this object is known to be sealed, with nothing left to do for it."""
        return self._told[0] == hour_ms and key in self._told[1]

    def forget(self, before_ms: int) -> None:
        """Drop what is remembered of the hours before a time."""
        self._links = {key: link for key, link in self._links.items() if hour_of(link.first_arrival_ms) >= before_ms}

    def _folder(self, hour_ms: int) -> str:
        return seals_folder(self._application, self._layouts[0].stream, hour_ms)

    def _last(self, hour_ms: int) -> int:
        entries = self._store.list(f"{self._folder(hour_ms)}{self._shard}.")
        return max((revision_in(entry.key) for entry in entries), default=0)

    def _load(self, key: str) -> tuple[SealedObject, ...]:
        return load(self._store, key).objects

    def _entries(self, hour_ms: int) -> list[Entry]:
        scans = dict.fromkeys(layout.scan(self._shard, hour_ms) for layout in self._layouts)
        return [entry for scan in scans for entry in self._store.list(scan) if position_in(entry.key)]

    def _link(self, entry: Entry) -> Link:
        if entry.key in self._links:
            return self._links[entry.key]
        metadata = self._store.metadata(entry.key)
        if metadata is None:
            reason = f"{entry.key} was there and is gone: somebody deletes objects of the live archive"
            raise Unavailable(reason, "stop deleting", operator=True)
        try:
            link = Link.parse(metadata)
        except Garbled as fault:
            reason = f"{entry.key} cannot be sealed: {fault}"
            raise Parked(reason, "restore the object with its metadata, or move it out of the prefix") from fault
        keys = (layout.key(self._shard, link.first, link.first_arrival_ms) for layout in self._layouts)
        if (link.stream, link.shard) != (self._stream, self._shard) or entry.key not in keys:
            reason = f"{entry.key} cannot be sealed: its metadata speaks of {link.stream} {link.shard} {link.first}"
            raise Parked(reason, "move it out of the prefix: it is a copy, or another stream's")
        return link


def load(store: ObjectStore, key: str) -> Seal:
    """Read a seal that a listing named.

    Raises:
        Unavailable: it is gone.
        Parked: it is damaged.

    """
    standing = store.find(key)
    if standing is None:
        reason = f"the seal {key} was there and is gone"
        raise Unavailable(reason, "stop deleting below _kinesis-fleet/", operator=True)
    return decoded(standing.body, Seal, key, RESTORE)
