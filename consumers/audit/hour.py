"""One hour: compares the bucket's listing with the manifest. Only objects that no manifest proves are looked up."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from consumers.audit.finding import Finding, Found
from consumers.audit.ranges import Piece
from consumers.chain.layout import Layout, position_in, shard_in
from consumers.chain.link import Link
from consumers.chain.store import Entry, ObjectStore
from consumers.hours.manifest import INCOMPLETE, SUCCESS, Manifest, Note, SealedObject, revision_in, sealed
from consumers.hours.times import hour_text
from consumers.objects.codecs import Garbled
from consumers.objects.reader import codec_of, index_key
from consumers.records import Position
from consumers.undecodable import UNDECODABLE


class Store(ObjectStore, Protocol):
    """A bucket whose objects can be read through."""

    def digest(self, key: str) -> tuple[str, int] | None:
        """Return the SHA-256 of an object's bytes in hex, and their number; None if it does not exist."""
        ...


class Stored(NamedTuple):
    """An existing object as the bucket lists it, and what was recorded of it when it was written."""

    entry: Entry
    said: SealedObject
    shard: str


@dataclass(slots=True)
class Listing:
    """The names in an hour's folders, by kind."""

    objects: list[Entry] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)


class HourAudit:
    """Checks one hour of one stream."""

    def __init__(self, store: Store, stream: str, layouts: Iterable[Layout], hour_ms: int, found: Found) -> None:
        """Store the parts. `stream` identifies the stream; the present layout comes first."""
        self._store = store
        self._stream = stream
        self._layouts = tuple(layouts)
        self._hour_ms = hour_ms
        self._found = found
        self._listing = Listing()
        self.pieces: dict[str, list[Piece]] = {}

    def run(self, *, decided: bool) -> Iterator[Stored]:
        """Yield the objects that exist and have no fault so far. Afterwards `pieces` has every link of the hour."""
        self._list()
        manifest = self._manifest(decided=decided)
        told = {one.key: (one, part.shard) for part in manifest.shards for one in part.objects} if manifest else {}
        for entry in self._listing.objects:
            known = told.pop(entry.key, None) or self._look_up(entry, listed=manifest is not None)
            if known is None:
                continue
            said, shard = known
            self._piece(said, shard)
            if self._as_written(entry, said):
                yield Stored(entry, said, shard)
        for said, shard in told.values():
            self._piece(said, shard)
            if self._store.metadata(said.key) is None:  # the listing may be older than the object
                self._found(Finding("missing", said.key, f"{said.records} records, {said.first} to {said.last}"))

    def around(self, bounds: Mapping[str, Position], *, before: bool) -> Iterator[tuple[str, Piece]]:
        """Yield each shard's last object of this hour before a position, or its first one after it."""
        self._list()
        manifest = self._manifest(decided=False) if self._listing.manifests else None
        told = {one.key: one for part in manifest.shards for one in part.objects} if manifest else {}
        nearest: dict[str, tuple[Position, Entry]] = {}
        for entry in self._listing.objects:
            shard, at = shard_in(entry.key), position_in(entry.key)
            bound, (kept, _) = bounds.get(shard), nearest.get(shard, (None, entry))
            if at is None or bound is None or (at >= bound if before else at <= bound):
                continue
            if kept is None or (at > kept if before else at < kept):
                nearest[shard] = at, entry
        for shard, (_, entry) in nearest.items():
            said = told.get(entry.key) or self._linked(entry)
            if said is not None:
                yield shard, piece_of(said)

    def _linked(self, entry: Entry) -> SealedObject | None:
        try:
            return sealed(entry, Link.parse(self._store.metadata(entry.key) or {}))
        except Garbled:
            return None  # the audit of that hour reports it

    def _list(self) -> None:
        for folder in dict.fromkeys(layout.folder(self._hour_ms) for layout in self._layouts):
            for entry in self._store.list(folder):
                name = entry.key.removeprefix(folder)
                if position_in(entry.key) is not None and name.startswith(f"{self._layouts[0].stream}."):
                    self._listing.objects.append(entry)
                elif name.startswith("_manifest."):
                    self._listing.manifests.append(entry.key)
                else:
                    self._listing.others.add(entry.key)

    def _manifest(self, *, decided: bool) -> Manifest | None:
        where = self._layouts[0].folder(self._hour_ms)
        if not self._listing.manifests:
            if decided:
                self._found(
                    Finding("manifest", where, f"the hour {hour_text(self._hour_ms)} is decided, without manifest")
                )
            return None
        key = max(self._listing.manifests, key=revision_in)
        found = self._store.find(key)
        try:
            manifest = msgspec.json.decode(found.body if found else b"", type=Manifest)
        except UNDECODABLE:
            self._found(Finding("manifest", key, "it is damaged, or gone"))
            return None
        marker = f"{key.rpartition('_manifest.')[0]}{SUCCESS if manifest.complete else INCOMPLETE}"
        if decided and not self._names_a_manifest(marker):
            self._found(Finding("manifest", marker, "the hour's marker is missing, or damaged"))
        for hole in manifest.holes:
            self._found(Finding("declared", marker, str(hole)))
        return manifest

    def _names_a_manifest(self, marker: str) -> bool:
        found = self._store.find(marker) if marker in self._listing.others else None
        try:
            return msgspec.json.decode(found.body if found else b"", type=Note).manifest in self._listing.manifests
        except UNDECODABLE:
            return False

    def _look_up(self, entry: Entry, *, listed: bool) -> tuple[SealedObject, str] | None:
        try:
            link = Link.parse(self._store.metadata(entry.key) or {})
        except Garbled as fault:
            self._found(Finding("unreadable", entry.key, str(fault)))
            return None
        keys = [layout.key(link.shard, link.first, link.first_arrival_ms) for layout in self._layouts]
        if link.stream != self._stream:
            self._found(Finding("unreadable", entry.key, f"it belongs to the stream {link.stream}"))
            return None
        if entry.key not in keys:
            self._found(Finding("doubled", entry.key, f"it is a copy of {keys[0]}"))
            return None
        if listed:
            self._found(Finding("unlisted", entry.key, f"{link.count} records that the manifest does not know"))
        return msgspec.structs.replace(sealed(entry, link), bytes=link.size), link.shard

    def _as_written(self, entry: Entry, said: SealedObject) -> bool:
        if entry.size < said.bytes:
            self._found(Finding("truncated", entry.key, f"{entry.size} bytes of {said.bytes}"))
        elif (entry.size, entry.version) != (said.bytes, said.version):
            self._found(Finding("altered", entry.key, f"version {entry.version}, written was {said.version}"))
        elif (index := _index_of(entry.key, said)) and index not in self._listing.others:
            self._found(Finding("missing", index, f"the index of {entry.key}"))
        else:
            return True
        return False

    def _piece(self, said: SealedObject, shard: str) -> None:
        self.pieces.setdefault(shard, []).append(piece_of(said))


def piece_of(said: SealedObject) -> Piece:
    """Return an object's place in the chain."""
    after = Position.parse(said.after) if said.after else None
    return Piece(said.key, Position.parse(said.first), Position.parse(said.last), after, said.origin or None)


def _index_of(key: str, said: SealedObject) -> str | None:
    """Return the key of the index beside an object, or None if the index is inside.

    Manifests of older versions do not say where: then it is inside if the format allows it.
    """
    place = said.index or ("inside" if codec_of(key).has_inside else "beside")
    return index_key(key, bytes.fromhex(said.sha256)) if place == "beside" else None
