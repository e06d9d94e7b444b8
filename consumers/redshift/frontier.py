"""The loader's view of what is staged and not in the ledger, and of damaged, missing or doubled objects."""

from collections.abc import Mapping, Sequence

from consumers.chain.store import Entry
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS
from consumers.redshift.continuity import doubled, gaps
from consumers.redshift.database import Database
from consumers.redshift.ledger import LOADED, Done, done, reading
from consumers.redshift.load_place import LoadPlace
from consumers.redshift.prune import RemovingStore, prune, prune_manifests
from consumers.redshift.redrive import is_redriven
from consumers.redshift.staged import Staged, StagedArea
from consumers.waiting import Log

FULL_EACH = 60
"""One look in this many lists everything; the others list only hours that may still change."""


class Frontier:
    """One loader's view of the staging area. `problems` maps keys to faults that need an operator.

    `redriven` are the keys of the objects that hold one redriven record each.
    """

    def __init__(self, store: RemovingStore, database: Database, place: LoadPlace, log: Log) -> None:
        """Store the parts. Nothing is read yet."""
        self._store = store
        self._area = StagedArea(store, place.layout)
        self._database = database
        self._place = place
        self._log = log
        self._looks = 0
        self._from_ms: int | None = None
        self._heads: dict[str, Staged] = {}
        self.redriven = frozenset[str]()
        self.problems: dict[str, str] = {}

    def look(self) -> list[Staged]:
        """List what is staged and not in the ledger, in order."""
        full = self._looks % FULL_EACH == 0
        self._looks += 1
        # The objects first: one that is loaded and pruned meanwhile is then in the ledger, and does not seem to wait.
        entries = list(self._area.entries(None if full else self._from_ms))
        now_hour = self._store.now_ms() // HOUR_MS * HOUR_MS
        oldest = min([self._area.hour_of(entries[0].key), now_hour]) if entries else now_hour
        ledger = done(self._place.names, self._database.ask(reading(self._place.names, oldest)))
        if full:
            self.problems.clear()
        waiting = [staged for entry in entries if entry.key not in ledger and (staged := self._read(entry))]
        held = dict(doubled(ledger.values(), waiting))
        for key, reason in held.items():
            self._say_doubled(key, reason)
        waiting = [staged for staged in waiting if staged.key not in held]
        self._heads = {staged.key: staged for staged in waiting}
        self.redriven = frozenset(entry.key for entry in entries if is_redriven(entry.key))
        if full:
            for key, reason in gaps(ledger.values(), waiting):
                self.say_missing(key, reason)
            self._prune(entries, ledger)
        self._from_ms = min([now_hour - 2 * HOUR_MS, *(staged.hour_ms for staged in waiting)])
        return waiting

    def _prune(self, entries: Sequence[Entry], ledger: Mapping[str, Done]) -> None:
        before_ms = self._store.now_ms() - self._place.keep_ms
        old = [entry for entry in entries if self._area.hour_of(entry.key) + HOUR_MS < before_ms]
        count = prune(self._store, old, {key for key, one in ledger.items() if one.status == LOADED})
        prune_manifests(self._store, self._place.manifests.rstrip("/"), before_ms)
        if count:
            self._log.info("pruned", objects=count)

    def _read(self, entry: Entry) -> Staged | None:
        if entry.key in self._heads:
            return self._heads[entry.key]
        try:
            staged = self._area.read(entry)
        except Garbled as fault:
            self.problems[entry.key] = str(fault)
            remedy = "restore it with its metadata, or move it out of the staging prefix"
            self._log.error("staged_unreadable", key=entry.key, reason=str(fault), remedy=remedy)
            return None
        if staged is None:
            self.say_missing(entry.key, "it was listed, and is gone")
        return staged

    def _say_doubled(self, key: str, reason: str) -> None:
        if self.problems.get(key) != reason:
            remedy = "it is not loaded; if it is a copy, remove it. See docs/redshift.md"
            self._log.error("staged_doubled", key=key, reason=reason, remedy=remedy)
        self.problems[key] = reason

    def say_missing(self, key: str, reason: str) -> None:
        """Report that an object, or a file beside one, is missing."""
        self.problems[key] = reason
        remedy = "restore it, in a bucket with versions; or put its records in anew from the archive"
        self._log.error("staged_missing", key=key, reason=reason, remedy=remedy)
