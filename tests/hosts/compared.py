"""What an archive holds, compared again and again while more is put."""

from consumers.local.ledger import Ledger
from consumers.records import Position
from tests.daemon.audit import Place, opened, store_of
from tests.daemon.stage import Stage
from tests.support.archive import object_keys


class Compared:
    """What was looked at up to now: each object is read once, since none ever changes."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
        self._stage = stage
        self._ledger = ledger
        self._seen: dict[Place, str] = {}
        self._read: set[str] = set()
        self._newest: dict[str, int] = {}

    def faults(self) -> list[str]:
        """Wait until all that was put up to now is archived, and say what is missing or doubled since the last time."""
        newest = self._ledger.newest()
        due = [
            Place(entry.shard, Position(entry.sequence, 0))
            for entry in self._ledger
            if self._newest.get(entry.shard, -1) < entry.sequence <= newest.get(entry.shard, -1)
        ]
        self._stage.await_committed({shard: Position(sequence, 0) for shard, sequence in newest.items()})
        self._newest = newest
        store, faults = store_of(self._stage), []
        for key in sorted(set(object_keys(store)) - self._read):
            self._read.add(key)
            link, records = opened(store, key)
            for record in records:
                place = Place(link.shard, record.position)
                faults += [f"doubled {place} in {key} and {self._seen[place]}"] if place in self._seen else []
                self._seen[place] = key
        return faults + [f"lost {place}" for place in due if place not in self._seen]
