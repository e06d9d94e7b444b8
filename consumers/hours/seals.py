"""Seals a shard's hours: stores, once, the list of its objects in an hour."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from consumers.chain.layout import Layout, position_in
from consumers.chain.link import UNREADABLE, Link
from consumers.chain.store import Entry, ObjectStore, Rounds
from consumers.hours.joints import Broken, Joints
from consumers.hours.manifest import (
    FORMAT,
    Seal,
    SealedObject,
    revision_in,
    seal_key,
    sealed,
    seals_folder,
)
from consumers.hours.mark import Tail
from consumers.hours.place import HoursPlace
from consumers.hours.stored import RESTORE, decoded
from consumers.hours.times import hour_of, hour_text
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS, Position
from consumers.waiting import Parked, Unavailable

_SEEK_MS = 24 * HOUR_MS  # how far from an object's hour its predecessor is looked for
_MOST_KEPT = 5_000  # links in memory; further ones are read when their hour is sealed


class Sealer:
    """The seals of one shard, and the check that the objects they list form one chain."""

    def __init__(self, store: ObjectStore, place: HoursPlace, shard: str, layouts: Iterable[Layout]) -> None:
        """Start with nothing known.

        `layouts` are those in which the shard's objects were written, the present one first.
        """
        self._store = store
        self._application = place.application
        self._stream = place.stream
        self._shard = shard
        self._layouts = tuple(layouts)
        self._links: dict[str, Link] = {}
        self._sealed: tuple[int, frozenset[str]] = (-1, frozenset())
        self._told: tuple[int, frozenset[str]] = self._sealed
        self._joints = Joints()
        self._looked: dict[tuple[Position, int], Link | None] = {}

    @property
    def joints(self) -> Joints:
        """The known ends of objects."""
        return self._joints

    def stands(self, key: str, link: Link) -> None:
        """Store an object's link, so that it need not be read again, and so that its loss is noticed."""
        self._joints.stands(link)
        if len(self._links) < _MOST_KEPT:
            self._links[key] = link

    def seal(self, hour_ms: int) -> tuple[int, list[Broken]]:
        """Seal an hour of this shard, unless its seal is up to date; return the seal's revision and the breaks found.

        A seal of no objects is written too: a process that stores a late object must find that the hour is sealed. What
        a former revision says of an object stays, whatever became of the object; finding that is the audit's task.
        """
        last = self._last(hour_ms)
        standing = self._load(seal_key(self._folder(hour_ms), self._shard, last)) if last else ()
        rounds = Rounds(seal_key(self._folder(hour_ms), self._shard, last + 1))
        while True:
            rounds.another()
            known = {one.key for one in standing}
            added = [sealed(entry, self._link(entry)) for entry in self._entries(hour_ms) if entry.key not in known]
            if last and not added:
                self._sealed = (hour_ms, frozenset(known))
                broken = self._broken(hour_ms, standing)
                self._joints.sealed(standing)
                return last, broken
            objects = tuple(sorted((*standing, *added), key=lambda one: Position.parse(one.first)))
            seal = Seal(FORMAT, self._stream, self._shard, hour_text(hour_ms), last + 1, objects)
            body = msgspec.json.encode(seal)
            key = seal_key(self._folder(hour_ms), self._shard, last + 1)
            if self._store.put_new(key, body, {}, hashlib.sha256(body).digest()):
                last, standing = last + 1, objects
            else:
                last = self._last(hour_ms)
                standing = self._load(seal_key(self._folder(hour_ms), self._shard, last))
            # List again: a process that stored an object meanwhile saw no seal, and so does not revise it.

    def find(self, position: Position, hours: Iterable[int]) -> bool | None:
        """Search hours for an object that holds a position or follows it, and keep its link.

        Return True if one was found, False if not, and None if no object stands in any of the hours.
        """
        seen, ahead = None, list[tuple[Position, Entry]]()
        for hour_ms in hours:
            places = sorted(map(_place, self._entries(hour_ms)))
            behind = [place for place in places if place[0] <= position]
            ahead += places[len(behind) :][:1]
            seen = False if places else seen
            if behind and (link := self._link(behind[-1][1])).last >= position:
                self.stands(behind[-1][1].key, link)
                return True
        if ahead and (link := self._link(entry := min(ahead)[1])).after and not link.origin:
            self.stands(entry.key, link)
            return link.after <= position
        return seen

    def lacks(self, tail: Tail, sealed_ms: int) -> Broken | None:
        """Return the break if the object that a former process noted last is gone, or None.

        Hours before `sealed_ms` are sealed. The object that it followed may be gone too, so any hour since then may
        lack records. To search for the end of its predecessor would take a request for each hour, all of which would be
        repeated if one of them fails.
        """
        gone = tail.hour_ms >= sealed_ms and not self.find(tail.position, [tail.hour_ms])
        return Broken.at(tail, sealed_ms) if gone else None

    def _broken(self, hour_ms: int, standing: Sequence[SealedObject]) -> list[Broken]:
        """Return the breaks of an hour.

        These are known objects that are not listed, and listed objects that follow no known one.
        """
        listed = {one.key for one in standing}
        broken = [
            Broken.gone(key, link)
            for key, link in self._links.items()
            if hour_of(link.first_arrival_ms) == hour_ms and key not in listed and self._is_gone(key)
        ]
        for one, after in self._joints.loose(standing):
            since_ms = self._unknown_since(after, hour_ms)
            if since_ms is not None:
                broken.append(Broken.before(one, since_ms))
        self._looked.clear()
        return [*broken, *(Broken.fenced(one) for one in standing if not one.records)]

    def _is_gone(self, key: str) -> bool:
        if self._store.metadata(key) is None:
            return True
        reason = f"{key} stands, and is not listed: the bucket contradicts itself"
        raise Unavailable(reason, "look at what stands before the S3 service", operator=True)

    def _unknown_since(self, position: Position, hour_ms: int) -> int | None:
        """Search the hours around one for an object that ends here; return None if it stands.

        Otherwise return the latest arrival time in the object before it. Each hour is a request. If one of them fails,
        those that were answered are not repeated.
        """
        nearest: Link | None = None
        for hour in sorted(self._around(hour_ms), key=lambda hour: abs(hour - hour_ms)):
            if (position, hour) not in self._looked:
                self._looked[position, hour] = self._before(position, hour)
            link = self._looked[position, hour]
            if link is None:
                continue
            if link.last == position:
                return None
            if nearest is None or link.last > nearest.last:
                nearest = link
        return nearest.max_arrival_ms if nearest else hour_ms - _SEEK_MS

    def _before(self, position: Position, hour_ms: int) -> Link | None:
        behind = [place for place in map(_place, self._entries(hour_ms)) if place[0] <= position]
        return self._link(max(behind)[1]) if behind else None

    def _around(self, hour_ms: int) -> range:
        newest_ms = min(hour_of(self._store.now_ms()), hour_ms + _SEEK_MS) + HOUR_MS
        return range(hour_ms - _SEEK_MS, max(newest_ms, hour_ms + HOUR_MS) + 1, HOUR_MS)

    def is_sealed(self, hour_ms: int) -> bool:
        """Return whether any process has sealed the hour of this shard."""
        return self._last(hour_ms) > 0

    def told(self) -> None:
        """Note that the manifest of the hour sealed last is up to date with its seal."""
        self._told = self._sealed

    def has_told(self, hour_ms: int, key: str) -> bool:
        """Return whether this object is known to be sealed and in the manifest."""
        return self._told[0] == hour_ms and key in self._told[1]

    def forget(self, before_ms: int) -> None:
        """Drop the links of the hours before a time."""
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
            reason = f"{entry.key} was there and is gone: somebody deletes objects that are in use"
            raise Unavailable(reason, "stop deleting", operator=True)
        try:
            link = Link.parse(metadata)
        except Garbled as fault:
            reason = f"{entry.key} cannot be sealed: {fault}"
            raise Parked(reason, UNREADABLE) from fault
        keys = (layout.key(self._shard, link.first, link.first_arrival_ms) for layout in self._layouts)
        if (link.stream, link.shard) != (self._stream, self._shard) or entry.key not in keys:
            reason = f"{entry.key} cannot be sealed: its metadata speaks of {link.stream} {link.shard} {link.first}"
            raise Parked(reason, "move it out of the prefix: it is a copy, or another stream's")
        return link


def _place(entry: Entry) -> tuple[Position, Entry]:
    return position_in(entry.key) or Position(0, 0), entry


def load(store: ObjectStore, key: str) -> Seal:
    """Read a seal that was in a listing.

    Raises:
        Unavailable: it is gone.
        Parked: it is damaged.

    """
    standing = store.find(key)
    if standing is None:
        reason = f"the seal {key} was there and is gone"
        raise Unavailable(reason, "stop deleting below _kinesis-fleet/", operator=True)
    return decoded(standing.body, Seal, key, RESTORE)
