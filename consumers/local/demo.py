"""One whole demonstration: start, put, archive, drain, audit."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import msgspec

from consumers.local import simulator
from consumers.local.account import Account
from consumers.local.auditing import audited, holds_records
from consumers.local.launch import Running, Slow, launched, wait
from consumers.local.ledger import Ledger
from consumers.local.place import DAEMON, Place
from consumers.local.plan import Plan
from consumers.local.putter import Putter
from consumers.local.screen import Progress, Screen
from consumers.local.verdict import Verdict

_COUNT_OBJECTS_EVERY_S = 2.0
_PUT_TIMEOUT_S = 7 * 86_400.0
_ARCHIVED_TIMEOUT_S = 120.0
# The JVM's own answer to SIGTERM once its hooks are through.
_DRAINED_EXIT_CODES = frozenset({0, 143})


class Stopped(Exception):
    """The user asked for the end before anything was put."""


class Outcome(msgspec.Struct, rename="camel"):
    """A run's end, as ``--json`` prints it."""

    seed: int
    verdict: Verdict
    drained: bool
    interrupted: bool
    seconds: float
    put_seconds: float

    @property
    def good(self) -> bool:
        """Whether the archive is exact and the daemon left in good order."""
        return self.verdict.good and self.drained


class Demo:
    """One run. Once ``stop`` is set no more is put, and the run comes to its proper end."""

    def __init__(self, plan: Plan, place: Place, screen: Screen, stop: threading.Event) -> None:
        """Describe the run; ``run`` does it."""
        self._plan = plan
        self._place = place
        self._screen = screen
        self._stop = stop
        self._ledger = Ledger()
        self._account: Account | None = None
        self._began_s = time.monotonic()
        self._objects = 0
        self._objects_due_s = 0.0

    def run(self, *, keep: bool) -> Outcome:
        """Do it all; with ``keep`` the objects are copied into the run's directory.

        Raises:
            Broken: a program of the fleet ended.
            Slow: a step took too long.
            Stopped: the user stopped it before anything was put.

        """
        with launched(self._plan, self._place, self._look_unless_stopped) as running:
            self._account = running.account
            put_s = self._put(running)
            self._await_archive(running)
            self._look("draining the daemon")
            drained = running.fleet.stop(DAEMON) in _DRAINED_EXIT_CODES
            self._ledger.save(self._place.directory / "ledger.jsonl")
            copies = self._place.directory / "objects" if keep else None
            verdict = audited(running.account, self._ledger, copies, self._look)
        elapsed_s = time.monotonic() - self._began_s
        return Outcome(self._plan.seed, verdict, drained, self._stop.is_set(), round(elapsed_s, 1), round(put_s, 1))

    def _put(self, running: Running) -> float:
        """Put in a thread, and look on. Returns the seconds that it took."""
        plan, began_s = running.plan, time.monotonic()
        putter = Putter(running.account.putting, plan.stream, self._ledger, plan.rate)
        records = islice(simulator.play(plan.seed), plan.records)
        with ThreadPoolExecutor(1, "putter") as pool:
            done = pool.submit(putter.put, records, self._stop)
            try:
                wait(done.done, running.fleet, self._look, "putting", _PUT_TIMEOUT_S)
            except BaseException:
                self._stop.set()
                raise
            done.result()
        return time.monotonic() - began_s

    def _await_archive(self, running: Running) -> None:
        """Wait until all is archived; if that takes too long, the audit will say what lacks."""
        try:
            wait(
                lambda: self._archived() >= self._ledger.put,
                running.fleet,
                self._look,
                "waiting for the archive",
                _ARCHIVED_TIMEOUT_S,
            )
        except Slow as fault:
            self._screen.say(str(fault))

    def _look_unless_stopped(self, phase: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self._look(phase)

    def _look(self, phase: str) -> None:
        elapsed_s = time.monotonic() - self._began_s
        put = self._ledger.put
        self._screen.show(Progress(phase, elapsed_s, self._plan.records, put, self._archived(), self._counted()))

    def _archived(self) -> int:
        """Count the records at or before their shard's checkpoint: durable by the consumer's own word."""
        if self._account is None:
            return 0
        newest = self._ledger.newest()
        return sum(
            self._ledger.passed(lease.shard, lease.covers(newest.get(lease.shard, -1)))
            for lease in self._account.leases()
        )

    def _counted(self) -> int:
        now_s = time.monotonic()
        if self._account is not None and now_s >= self._objects_due_s:
            self._objects_due_s = now_s + _COUNT_OBJECTS_EVERY_S
            self._objects = sum(map(holds_records, self._account.objects()))
        return self._objects
