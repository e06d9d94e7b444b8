"""Loads what is staged. Read this file first: it is the whole flow.

    staged objects - ledger -> manifest -> one transaction (lock, ledger, COPY, count) -> committed

A loader is stateless: all lasting state is in S3 and in the ledger. So any number of loaders may run, and each may die
at any point.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from consumers.letters.store import DeadLetters
from consumers.redshift.beside import REMEDY, LettersGone, letters_beside
from consumers.redshift.committing import Committing
from consumers.redshift.database import Database, LoadError, Refused, Taken, TooSlow, Unsure
from consumers.redshift.frontier import Frontier
from consumers.redshift.isolate import Isolation, Suspect
from consumers.redshift.ledger import QUARANTINED, Written
from consumers.redshift.load_errors import load_errors
from consumers.redshift.load_place import LoadPlace
from consumers.redshift.prune import RemovingStore
from consumers.redshift.redrive import row_key
from consumers.redshift.staged import Staged
from consumers.redshift.standing import insist_on_table
from consumers.redshift.suspects import Suspects
from consumers.redshift.transaction import Copy, load, manifest
from consumers.redshift.versions import Versions
from consumers.waiting import Log, Unavailable


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a load, and the age in seconds after which staged objects are loaded without waiting for more."""

    files: int
    bytes: int
    age_s: float


@dataclass(slots=True)
class Totals:
    """What a loader has done and seen. `problems` maps keys to faults that need an operator."""

    objects: int = 0
    rows: int = 0
    loads: int = 0
    quarantined: int = 0
    waiting: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class Loader:
    """Loads staged objects in the order of their keys."""

    def __init__(
        self, store: RemovingStore, database: Database, letters: DeadLetters, place: LoadPlace, log: Log
    ) -> None:
        """Store the parts. Nothing is read yet."""
        self._store = store
        self._letters = letters
        self._versions = Versions(store, place.application)
        self._database = database
        self._place = place
        self._log = log
        self._frontier = Frontier(store, database, place, log)
        self._committing = Committing(database, place.names, log)
        self._refusals: Counter[str] = Counter()
        self._suspects = Suspects(self._refusals)
        self.totals = Totals(problems=self._frontier.problems)

    def now_ms(self) -> int:
        """Return the time by the bucket's clock. The host's clock is not trusted.

        Raises:
            Unavailable: the bucket did not answer.
        """
        if not self._store.now_ms():
            next(iter(self._store.list(f"{self._place.layout.prefix}/")), None)
        return self._store.now_ms()

    def work(self, bounds: Bounds, *, at_once: bool = False) -> None:
        """Load what is due, or with `at_once` all that waits. `totals` has the result.

        Raises:
            Unavailable: the database or the bucket is away, or an operator must act. What was loaded stays loaded.
        """
        waiting = self._waiting()
        suspects: list[Suspect] = []
        slow: list[Staged] = []
        others_load = False
        while waiting and (at_once or self._due(waiting, bounds)):
            isolation = Isolation(self._load, self._errors, self._gone)
            batch = self._batch(waiting, bounds)
            for staged in batch:  # once per object, however many loads it takes
                self._put_letters(staged)
            try:
                isolation.run(batch)
            except Taken:
                waiting = self._overtaken({staged.key for staged in batch} - isolation.settled)
            waiting = [staged for staged in waiting if staged.key not in isolation.settled]
            for staged in isolation.missing:
                self._frontier.say_missing(staged.key, "it was listed, and is gone")
            for staged in isolation.loaded:
                self._suspects.forget(staged.key)
            others_load = others_load or any(staged.rows for staged in isolation.loaded)
            suspects += isolation.bad
            slow += isolation.slow
        self.totals.waiting = len(waiting) + len(suspects) + len(slow)
        self._judge(suspects, others_load=others_load)
        if slow:
            reason = f"COPY of {slow[0].key} alone took longer than redshift.loadTimeoutSeconds = {self._place.copy_s}"
            raise Unavailable(reason, "raise it, or lower redshift.maxBytes", operator=True)

    def _overtaken(self, keys: set[str]) -> list[Staged]:
        """Look again at what waits, after the ledger was said to name some of these objects already.

        Raises:
            Unavailable: the ledger names none of them, so that another round would end the same way.
        """
        waiting = self._waiting()
        if keys <= {staged.key for staged in waiting}:
            ledger = self._place.names.ledger
            reason = f"a load was ended as if another loader were first with its {len(keys)} objects, and none is"
            remedy = f"look at {ledger}, which only loaders may write, and at what stands between here and the database"
            raise Unavailable(reason, remedy, operator=True)
        self._log.info("load_overtaken", reason="another loader was first with some of the objects")
        return waiting

    def _waiting(self) -> list[Staged]:
        """List what is staged and not in the ledger, in order, once no open transaction can change the ledger."""
        self._committing.resolve()
        return self._frontier.look()

    def _due(self, waiting: Sequence[Staged], bounds: Bounds) -> bool:
        if len(waiting) >= bounds.files or sum(staged.size for staged in waiting) >= bounds.bytes:
            return True
        oldest = min(staged.link.min_arrival_ms for staged in waiting)
        return self._store.now_ms() - oldest >= bounds.age_s * 1000

    def _batch(self, waiting: Sequence[Staged], bounds: Bounds) -> list[Staged]:
        """Return the first objects that fit into one load, of one version of the table. Those without rows fit any."""
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
        key = f"{place.manifests}{load_id}.manifest" if with_rows else ""
        copy = self._copy_of(with_rows, key) if with_rows else None
        steps = load(place.names, objects, Written(load_id, place.loader), copy)
        try:
            self._committing.run(steps, load_id, lambda: self._say_loaded(load_id, objects))
        except Unsure:
            raise  # the transaction may still run, and read its manifest
        except (Unavailable, Taken, Refused, TooSlow):
            if key:
                with suppress(Unavailable):  # otherwise it is pruned later
                    self._store.remove(key)
            raise

    def _copy_of(self, objects: Sequence[Staged], key: str) -> Copy:
        """Store the manifest of these objects, and return how COPY reads it."""
        place = self._place
        table = self._versions.of(objects[0].table)
        insist_on_table(self._database, place.names, table)
        body = manifest(place.bucket, objects)
        self._store.put_new(key, body, {}, hashlib.sha256(body).digest())
        return Copy(f"s3://{place.bucket}/{key}", table.names, place.iam_role, place.options, place.copy_s)

    def _say_loaded(self, load_id: str, objects: Sequence[Staged]) -> None:
        rows = sum(staged.rows for staged in objects)
        self.totals.loads += 1
        self.totals.objects += len(objects)
        self.totals.rows += rows
        newest = max(staged.link.max_arrival_ms for staged in objects)
        late_s = round((self._store.now_ms() - newest) / 1000, 1)
        self._log.info("loaded", load=load_id, objects=len(objects), rows=rows, first=objects[0].key, late_s=late_s)

    def _put_letters(self, staged: Staged) -> None:
        """Store an object's dead letters before the ledger records the object.

        Its writer has stored them, unless it died just then and had no successor. Letters that were purged since, or
        whose records are staged as rows now, are not stored again.
        """
        try:
            letters = letters_beside(self._store, staged.key, staged.link)
        except LettersGone as fault:
            self.totals.problems[fault.key] = str(fault)
            self._log.error("letters_missing", key=fault.key, reason=str(fault), remedy=REMEDY)
            return
        redriven, layout = self._frontier.redriven, self._place.layout
        left = [one for one in letters if row_key(layout, one.shard, one.record()) not in redriven]
        if len(left) == len(letters):
            self._letters.put_once(letters)
        elif left and not self._letters.were_here(letters):
            self._letters.put_once(left)

    def _errors(self, objects: Sequence[Staged]) -> list[LoadError]:
        return load_errors(self._database, self._place.bucket, [staged.key for staged in objects])

    def _gone(self, objects: Sequence[Staged]) -> Collection[str]:
        return {staged.key for staged in objects if self._store.metadata(staged.key) is None}

    def _judge(self, suspects: Sequence[Suspect], *, others_load: bool) -> None:
        """Quarantine what COPY refuses alone, if another object shows that the table is not at fault."""
        ripe, left = self._suspects.refused(suspects, others_load=others_load)
        for one in ripe:
            self._quarantine(one)
            self.totals.waiting -= 1
        if left:
            reason = f"COPY refuses {left[0].staged.key} alone, as {len(left) - 1} more: {left[0].why}"
            remedy = "none, if another object loads: then it is quarantined. Else mend the table, or redshift.iamRole"
            raise Unavailable(reason, remedy, operator=True)

    def _quarantine(self, suspect: Suspect) -> None:
        """Record an object in the ledger as quarantined."""
        load_id = f"quarantine-{secrets.token_hex(8)}"
        written = Written(load_id, self._place.loader, QUARANTINED, suspect.why)
        steps = load(self._place.names, [suspect.staged], written, None)
        try:
            self._committing.run(steps, load_id, lambda: self._say_quarantined(suspect))
        except Taken:  # another loader has settled it
            self._suspects.forget(suspect.staged.key)

    def _say_quarantined(self, suspect: Suspect) -> None:
        staged = suspect.staged
        remedy = "look at it: kinesis-fleet redshift-quarantine list FILE"
        self._log.error("quarantined", key=staged.key, reason=suspect.why, remedy=remedy, rows=staged.rows)
        self.totals.quarantined += 1
        self._suspects.forget(staged.key)
