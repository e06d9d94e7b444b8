"""Loads what is staged. Read this file first: it is the whole flow.

    staged objects - ledger -> manifest -> one transaction (lock, ledger, COPY, count) -> committed

Stateless: all that lasts is in S3 and in the ledger, so that any number of loaders may run, and any may die anywhere.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from consumers.chain.layout import Layout
from consumers.chain.store import Entry
from consumers.letters.store import DeadLetters
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS
from consumers.redshift.beside import REMEDY, LettersGone, letters_beside
from consumers.redshift.continuity import doubled, gaps
from consumers.redshift.database import Database, LoadError, Taken, Unsure
from consumers.redshift.isolate import Isolation
from consumers.redshift.ledger import LOADED, QUARANTINED, Done, Written, done, reading
from consumers.redshift.load_errors import load_errors
from consumers.redshift.names import Names
from consumers.redshift.prune import RemovingStore, prune, prune_manifests
from consumers.redshift.redrive import is_redriven, row_key
from consumers.redshift.staged import Staged, StagedArea
from consumers.redshift.standing import insist_on_table
from consumers.redshift.transaction import Copy, load, locked, manifest
from consumers.redshift.versions import Versions
from consumers.waiting import Log, Unavailable

LOADS = "_loads"
"""The folder of the manifests, below the staging prefix."""

_FULL_EACH = 60  # looks; between them only the hours are listed that may still change
_UNNAMED_REFUSALS = 3  # of an object that the database does not name as the cause, before it is quarantined


@dataclass(frozen=True, slots=True)
class LoadPlace:
    """Where rows come from and go to, and how COPY reads them. `loader` is who."""

    names: Names
    application: str
    layout: Layout
    bucket: str
    iam_role: str
    options: str
    copy_s: int
    keep_ms: int
    loader: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a load is full, and for how many seconds of their age staged objects may wait for others."""

    files: int
    bytes: int
    age_s: float


@dataclass(slots=True)
class Totals:
    """What a loader has done and seen. `problems` need an operator: what is wrong, by the object's key."""

    objects: int = 0
    rows: int = 0
    loads: int = 0
    quarantined: int = 0
    waiting: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class Loader:
    """Takes staged objects in the order of their keys."""

    def __init__(
        self, store: RemovingStore, database: Database, letters: DeadLetters, place: LoadPlace, log: Log
    ) -> None:
        """Join the parts; nothing is read yet."""
        self._store = store
        self._letters = letters
        self._area = StagedArea(store, place.layout)
        self._versions = Versions(store, place.application)
        self._database = database
        self._place = place
        self._log = log
        self._looks = 0
        self._from_ms: int | None = None
        self._heads: dict[str, Staged] = {}
        self._redriven = frozenset[str]()
        self._unsure: set[str] = set()
        self._refusals: Counter[str] = Counter()
        self.totals = Totals()

    def now_ms(self) -> int:
        """Return the time by the bucket's clock: the host's is not trusted.

        Raises:
            Unavailable: it did not answer.

        """
        if not self._store.now_ms():
            next(iter(self._store.list(f"{self._place.layout.prefix}/")), None)
        return self._store.now_ms()

    def work(self, bounds: Bounds, *, at_once: bool = False) -> None:
        """Load what is due; `at_once`: all that waits. `totals` says what came of it.

        Raises:
            Unavailable: the database or the bucket is away, or an operator has to act; what was loaded stands.

        """
        waiting = self._waiting()
        suspects: list[tuple[Staged, str, bool]] = []
        slow: list[Staged] = []
        loaded_rows = False
        while waiting and (at_once or self._due(waiting, bounds)):
            isolation = Isolation(self._load, self._errors, self._gone)
            batch = self._batch(waiting, bounds)
            for staged in batch:  # once, into however many loads it falls
                self._put_letters(staged)
            try:
                isolation.run(batch)
            except Taken:
                self._log.info("load_overtaken", reason="another loader was first with some of the objects")
                waiting = self._waiting()
                continue
            for staged in isolation.missing:
                self._say_missing(staged.key, "it was listed, and is gone")
            loaded_rows = loaded_rows or any(staged.rows for staged in isolation.loaded)
            suspects += isolation.bad
            slow += isolation.slow
            settled = {*isolation.loaded, *isolation.missing, *isolation.slow, *(bad[0] for bad in isolation.bad)}
            waiting = [staged for staged in waiting if staged not in settled]
        self.totals.waiting = len(waiting) + len(suspects) + len(slow)
        self._judge(suspects, loaded_rows=loaded_rows)
        if slow:
            reason = f"COPY of {slow[0].key} alone took longer than redshift.loadTimeoutSeconds = {self._place.copy_s}"
            raise Unavailable(reason, "raise it, or lower redshift.maxBytes", operator=True)

    def _waiting(self) -> list[Staged]:
        """Give what is staged and not in the ledger, in order."""
        full = self._looks % _FULL_EACH == 0
        self._looks += 1
        # The objects first: one that is loaded and pruned meanwhile is then in the ledger, and not taken for waiting.
        entries = list(self._area.entries(None if full else self._from_ms))
        now_hour = self._store.now_ms() // HOUR_MS * HOUR_MS
        oldest = min([self._area.hour_of(entries[0].key), now_hour]) if entries else now_hour
        if self._unsure:  # what was not answered may still be running: the lock is free once it is over
            self._database.transact(tuple(locked(self._place.names)), secrets.token_hex(8))
        ledger = done(self._place.names, self._database.ask(reading(self._place.names, oldest)))
        self._resolve(ledger)
        if full:
            self.totals.problems.clear()
        waiting = [staged for entry in entries if entry.key not in ledger and (staged := self._read(entry))]
        held = dict(doubled(ledger.values(), waiting))
        for key, reason in held.items():
            self._say_doubled(key, reason)
        waiting = [staged for staged in waiting if staged.key not in held]
        self._heads = {staged.key: staged for staged in waiting}
        self._redriven = frozenset(entry.key for entry in entries if is_redriven(entry.key))
        if full:
            for key, reason in gaps(ledger.values(), waiting):
                self._say_missing(key, reason)
            self._prune(entries, ledger)
        self._from_ms = min([now_hour - 2 * HOUR_MS, *(staged.hour_ms for staged in waiting)])
        return waiting

    def _prune(self, entries: Sequence[Entry], ledger: Mapping[str, Done]) -> None:
        before_ms = self._store.now_ms() - self._place.keep_ms
        old = [entry for entry in entries if self._area.hour_of(entry.key) + HOUR_MS < before_ms]
        count = prune(self._store, old, {key for key, one in ledger.items() if one.status == LOADED})
        prune_manifests(self._store, f"{self._place.layout.prefix}/{LOADS}", before_ms)
        if count:
            self._log.info("pruned", objects=count)

    def _read(self, entry: Entry) -> Staged | None:
        if entry.key in self._heads:
            return self._heads[entry.key]
        try:
            staged = self._area.read(entry)
        except Garbled as fault:
            self.totals.problems[entry.key] = str(fault)
            remedy = "restore it with its metadata, or move it out of the staging prefix"
            self._log.error("staged_unreadable", key=entry.key, reason=str(fault), remedy=remedy)
            return None
        if staged is None:
            self._say_missing(entry.key, "it was listed, and is gone")
        return staged

    def _due(self, waiting: Sequence[Staged], bounds: Bounds) -> bool:
        if len(waiting) >= bounds.files or sum(staged.size for staged in waiting) >= bounds.bytes:
            return True
        oldest = min(staged.link.min_arrival_ms for staged in waiting)
        return self._store.now_ms() - oldest >= bounds.age_s * 1000

    def _batch(self, waiting: Sequence[Staged], bounds: Bounds) -> list[Staged]:
        """Take from the front, of one version of the table; objects without rows go along with any."""
        taken: list[Staged] = []
        size, version = 0, None
        for staged in waiting[: bounds.files]:
            if staged.rows and version not in {None, staged.table}:
                break
            if taken and size + staged.size > bounds.bytes:
                break
            version = staged.table if staged.rows else version
            taken.append(staged)
            size += staged.size
        return taken

    def _load(self, objects: Sequence[Staged]) -> None:
        """Load these objects, all or none."""
        place = self._place
        now = datetime.fromtimestamp(self._store.now_ms() / 1000, UTC)
        load_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"
        with_rows = [staged for staged in objects if staged.rows]
        copy = None
        if with_rows:
            table = self._versions.of(with_rows[0].table)
            insist_on_table(self._database, place.names, table)
            key, body = f"{place.layout.prefix}/{LOADS}/{load_id}.manifest", manifest(place.bucket, with_rows)
            self._store.put_new(key, body, {}, hashlib.sha256(body).digest())
            copy = Copy(f"s3://{place.bucket}/{key}", table.names, place.iam_role, place.options, place.copy_s)
        try:
            self._database.transact(tuple(load(place.names, objects, Written(load_id, place.loader), copy)), load_id)
        except Unsure:
            self._unsure.add(load_id)
            raise
        rows = sum(staged.rows for staged in objects)
        self._count(len(objects), rows)
        newest = max(staged.link.max_arrival_ms for staged in objects)
        late_s = round((self._store.now_ms() - newest) / 1000, 1)
        self._log.info("loaded", load=load_id, objects=len(objects), rows=rows, first=objects[0].key, late_s=late_s)

    def _put_letters(self, staged: Staged) -> None:
        """Make sure of an object's dead letters before the ledger says that it is done with.

        Its writer has put them, unless it died just then and nobody came after it. Those that are staged as rows of
        their own by now stay away.
        """
        try:
            letters = letters_beside(self._store, staged.key, staged.link)
        except LettersGone as fault:
            self.totals.problems[fault.key] = str(fault)
            self._log.error("letters_missing", key=fault.key, reason=str(fault), remedy=REMEDY)
            return
        left = [one for one in letters if row_key(self._place.layout, one.shard, one.record()) not in self._redriven]
        if left:
            self._letters.put(left)

    def _resolve(self, ledger: dict[str, Done]) -> None:
        """Say what became of loads whose COMMIT was not answered."""
        for load_id in self._unsure:
            stands = [one for one in ledger.values() if one.load_id == load_id]
            self._log.info("commit_resolved", load=load_id, stands=bool(stands), objects=len(stands))
            if stands:
                self._count(len(stands), sum(one.rows for one in stands))
        self._unsure.clear()

    def _count(self, objects: int, rows: int) -> None:
        self.totals.loads += 1
        self.totals.objects += objects
        self.totals.rows += rows

    def _errors(self, objects: Sequence[Staged]) -> list[LoadError]:
        return load_errors(self._database, self._place.bucket, [staged.key for staged in objects])

    def _gone(self, objects: Sequence[Staged]) -> Collection[str]:
        return {staged.key for staged in objects if self._store.metadata(staged.key) is None}

    def _judge(self, suspects: Sequence[tuple[Staged, str, bool]], *, loaded_rows: bool) -> None:
        """Quarantine what COPY refuses alone, where another object shows that it is not the table's fault."""
        for staged, why, named in suspects:
            self._refusals[staged.key] += 1
            if not loaded_rows or (not named and self._refusals[staged.key] < _UNNAMED_REFUSALS):
                continue
            written = Written(f"quarantine-{secrets.token_hex(8)}", self._place.loader, QUARANTINED, why)
            with suppress(Taken):  # another loader has settled it
                self._database.transact(tuple(load(self._place.names, [staged], written, None)), written.load_id)
                remedy = "look at it: kinesis-fleet redshift-quarantine list FILE"
                self._log.error("quarantined", key=staged.key, reason=why, remedy=remedy, rows=staged.rows)
                self.totals.quarantined += 1
            self.totals.waiting -= 1
            del self._refusals[staged.key]
        left = [one for one in suspects if one[0].key in self._refusals]
        if left:
            staged, why, _ = left[0]
            reason = f"COPY refuses {staged.key} alone, as {len(left) - 1} more: {why}"
            remedy = "none, if another object loads: then it is quarantined. Else mend the table, or redshift.iamRole"
            raise Unavailable(reason, remedy, operator=True)

    def _say_doubled(self, key: str, reason: str) -> None:
        if self.totals.problems.get(key) != reason:
            remedy = "it is not loaded; if it is a copy, remove it. See docs/redshift.md"
            self._log.error("staged_doubled", key=key, reason=reason, remedy=remedy)
        self.totals.problems[key] = reason

    def _say_missing(self, key: str, reason: str) -> None:
        self.totals.problems[key] = reason
        remedy = "restore it, in a bucket with versions; or put its records in anew from the archive"
        self._log.error("staged_missing", key=key, reason=reason, remedy=remedy)
