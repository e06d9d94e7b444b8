"""The dead letters of an application in a bucket: stored before the checkpoint, read and removed by commands.

Letters that are removed leave an empty object at their key. A process that stores copies of the same letters later, as
from beside a staged object, finds it, and does not bring them back.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from consumers.chain.store import Entry, ObjectStore, Rounds
from consumers.letters.keys import LetterPlace, Stored, digest_in, hour_in
from consumers.letters.letter import DamagedLetters, Letter, letters_in, line_of, packed, unique, unpacked
from consumers.metrics import METER
from consumers.records import HOUR_MS, LAST_MS
from consumers.waiting import Unavailable

MAX_BYTES = 64 << 20

EMPTIED = bytes.fromhex("1f8b0800000000000003 0300 00000000 00000000")
"""The content of an object whose letters were removed: gzip of nothing, in which any tool reads no letters.

No object with letters is as small, so a listing shows which ones are empty.
"""


class DeadLetters:
    """Stores, lists, reads and removes letters. Each call may raise `Unavailable` to be tried again."""

    def __init__(self, store: ObjectStore, place: LetterPlace, max_bytes: int = MAX_BYTES) -> None:
        """Set the place.

        `max_bytes` bounds an object before compression, except for a single letter that is larger.
        """
        self._store = store
        self._place = place
        self._max_bytes = max_bytes

    def put(self, letters: Sequence[Letter]) -> None:
        """Store letters, and return once they are durable.

        Those of one shard and hour become one object, or more where they exceed its limit. The same letters have the
        same keys, so a call that was interrupted is repeated whole and stores nothing twice. A record that is rejected
        again has its letter stored again, even if the same letter was removed before.
        """
        self.keep(letters)

    def keep(self, letters: Sequence[Letter]) -> list[str]:
        """Store letters, and return their keys."""
        keys = list(self._standing(letters))
        METER.rejected(len(letters))
        return keys

    def put_once(self, letters: Sequence[Letter]) -> None:
        """Store letters that may have been stored before. Those that were removed since stay removed."""
        for key, body, count in self._objects_of(letters):
            if self._store.metadata(key) is None and self._put(key, body):
                METER.rejected(count)

    def were_here(self, letters: Sequence[Letter]) -> bool:
        """Return whether these letters were stored, whether they still stand or were removed since."""
        return all(self._store.metadata(key) is not None for key, _, _ in self._objects_of(letters))

    def replace(self, key: str, rest: Sequence[Letter]) -> None:
        """Replace an object by the rest of its letters.

        An interruption leaves duplicates, which count once, and never loses a letter.
        """
        if key not in set(self._standing(rest)):  # otherwise the rest is the whole object
            self.remove(key)

    def entries(self, first_ms: int = 0, last_ms: int = LAST_MS) -> Iterator[Stored]:
        """Yield the objects of these hours, both included, by hour, stream, shard and first position."""
        for scan in self._place.scans(first_ms, last_ms):
            for entry in self._store.list(scan):
                stored = self._place.read(entry.key, entry.size)
                if (
                    stored
                    and entry.size != len(EMPTIED)
                    and first_ms < stored.hour_ms + HOUR_MS
                    and stored.hour_ms <= last_ms
                ):
                    yield stored

    def read(self, key: str) -> list[Letter] | None:
        """Read an object's letters; return None if they are gone.

        Raises:
            DamagedLetters: the content is not what was stored.

        """
        found = self._store.find(key)
        if found is None or found.body == EMPTIED:
            return None
        try:
            lines = unpacked(found.body)
            if hashlib.sha256(lines).hexdigest()[: len(digest_in(key))] != digest_in(key):
                message = "is not what its name says: altered, or moved here from elsewhere"
                raise DamagedLetters(message)
            return letters_in(lines)
        except DamagedLetters as fault:
            message = f"{key} {fault}. Remedy: restore its former version, or move it out of the prefix"
            raise DamagedLetters(message) from fault

    def remove(self, key: str) -> None:
        """Remove an object's letters by replacing it with an empty one.

        A bucket with versioning keeps the former version.
        """
        rounds = Rounds(key)
        while True:
            rounds.another()
            entry = self._entry(key)
            if entry is None or entry.size == len(EMPTIED) or self._store.swap(key, EMPTIED, entry.version):
                return

    def now_ms(self) -> int:
        """Return the time by the store's clock; 0 before its first answer."""
        return self._store.now_ms()

    def _objects_of(self, letters: Iterable[Letter]) -> Iterator[tuple[str, bytes, int]]:
        """Yield the objects that letters make: the key, the bytes and the number of letters."""
        for place_letters in _by_place(letters):
            for first, lines in _objects(place_letters, self._max_bytes):
                content = hashlib.sha256()
                for line in lines:
                    content.update(line)
                yield self._place.key(first, content.hexdigest()), packed(lines), len(lines)

    def _standing(self, letters: Iterable[Letter]) -> Iterator[str]:
        for key, body, _ in self._objects_of(letters):
            self._stand(key, body)
            yield key

    def _stand(self, key: str, body: bytes) -> None:
        """Store letters at their key, even if the same ones stood there before and were removed."""
        if self._put(key, body):
            return
        entry = self._entry(key)
        if entry and entry.size != len(EMPTIED):
            return
        if entry is None or not self._store.swap(key, body, entry.version):
            reason = f"{key} was there, and is not, or not as it was"
            raise Unavailable(reason, "none: it is put again")

    def _put(self, key: str, body: bytes) -> bool:
        return self._store.put_new(key, body, {}, hashlib.sha256(body).digest())

    def _entry(self, key: str) -> Entry | None:
        return next((entry for entry in self._store.list(key) if entry.key == key), None)


def _by_place(letters: Iterable[Letter]) -> Iterable[list[Letter]]:
    """Group letters by shard and hour, so that an object's key gives the hour of each of its letters."""
    places: dict[tuple[str, str, int], list[Letter]] = {}
    for letter in letters:
        places.setdefault((letter.stream, letter.shard, hour_in(letter)), []).append(letter)
    return map(unique, places.values())


def _objects(letters: Iterable[Letter], max_bytes: int) -> Iterator[tuple[Letter, list[bytes]]]:
    """Split letters into objects: the first letter of each, and all its lines."""
    first: Letter | None = None
    lines: list[bytes] = []
    size = 0
    for letter in letters:
        line = line_of(letter)
        if first is not None and size + len(line) > max_bytes:
            yield first, lines
            first, lines, size = None, [], 0
        first = first or letter
        lines.append(line)
        size += len(line)
    if first is not None:
        yield first, lines
