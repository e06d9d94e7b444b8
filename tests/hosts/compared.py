"""What an archive holds, compared again and again while more is put."""

from collections import defaultdict

from consumers.chain.link import Link
from consumers.local.ledger import Ledger
from consumers.objects.reader import fetch
from consumers.records import Position
from tests.daemon.audit import Place, store_of
from tests.daemon.putting import last_of
from tests.daemon.stage import Stage
from tests.support.archive import object_keys

_BEFORE_ALL = Position(-1, 0)


class Compared:
    """What was looked at up to now: each object is read once, since none ever changes."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
        self._stage = stage
        self._ledger = ledger
        self._seen: dict[Place, str] = {}
        self._read: set[str] = set()
        self._last: defaultdict[str, Position] = defaultdict(lambda: _BEFORE_ALL)

    def faults(self) -> list[str]:
        """Wait until all that was put up to now is archived, and say what is missing or doubled since the last time."""
        last = last_of(self._ledger)
        places = (Place(entry.shard, Position(entry.sequence, 0)) for entry in self._ledger)
        due = [place for place in places if self._last[place.shard] < place.position <= last[place.shard]]
        self._stage.await_committed(last)
        self._last.update(last)
        store, faults = store_of(self._stage), []
        for key in sorted(set(object_keys(store)) - self._read):
            self._read.add(key)
            link = Link.parse(store.metadata(key) or {})
            for record in fetch(store, key):
                place = Place(link.shard, record.position)
                faults += [f"doubled {place} in {key} and {self._seen[place]}"] if place in self._seen else []
                self._seen[place] = key
        return faults + [f"lost {place}" for place in due if place not in self._seen]
