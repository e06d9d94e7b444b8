"""One whole demonstration: start, put, wait, drain, audit."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import msgspec

from consumers.local import simulator
from consumers.local.account import Account
from consumers.local.launch import Running, launched
from consumers.local.ledger import Ledger
from consumers.local.place import Place
from consumers.local.plan import Plan
from consumers.local.putter import Putter
from consumers.local.screen import Done, Progress, Screen
from consumers.local.sink import Sink
from consumers.local.steps import Slow, together, until

_PUT_TIMEOUT_S = 7 * 86_400.0
_DURABLE_TIMEOUT_S = 120.0
# The JVM's own exit code for SIGTERM, after its shutdown hooks.
_DRAINED_EXIT_CODES = frozenset({0, 143})


class Stopped(Exception):
    """The user asked to stop before anything was put."""


class End(msgspec.Struct, frozen=True):
    """The result for one sink. ``good``: its daemon drained, and ``verdict`` is good."""

    good: bool
    drained: bool
    verdict: Any


class Outcome(msgspec.Struct, rename="camel"):
    """The result of a run, as ``--json`` prints it."""

    seed: int
    put: int
    sinks: dict[str, End]
    interrupted: bool
    seconds: float
    put_seconds: float

    @property
    def good(self) -> bool:
        """Whether every destination is exact, and every daemon drained."""
        return all(end.good for end in self.sinks.values())


class Demo:
    """One run. Once ``stop`` is set, nothing more is put, and the run goes on to drain and audit."""

    def __init__(self, plan: Plan, sinks: Sequence[Sink], place: Place, screen: Screen, stop: threading.Event) -> None:
        """Store the parts; ``run`` runs them."""
        self._plan = plan
        self._sinks = sinks
        self._place = place
        self._screen = screen
        self._stop = stop
        self._ledger = Ledger()
        self._account: Account | None = None
        self._began_s = time.monotonic()

    def run(self, *, keep: bool) -> Outcome:
        """Run the demonstration. With ``keep``, stored data is copied into the run's directory.

        Raises:
            Broken: a program of the fleet ended.
            Slow: a step took too long.
            Stopped: the user stopped it before anything was put.
        """
        with launched(self._plan, self._sinks, self._place, self._look_unless_stopped) as running:
            self._account = running.account
            put_s = self._put(running)
            self._await_durable(running)
            self._look("draining the daemons")
            codes = running.stop(self._sinks, self._look)
            self._ledger.save(self._place.directory / "ledger.jsonl")
            copies = self._place.directory if keep else None
            ends: dict[str, End] = {}
            for sink, site in zip(self._sinks, running.sites, strict=True):
                drained = codes[sink.name] in _DRAINED_EXIT_CODES
                verdict = sink.audit(site, self._ledger, copies, self._look)
                ends[sink.name] = End(drained and verdict.good, drained, verdict)
        elapsed_s = time.monotonic() - self._began_s
        return Outcome(
            self._plan.seed, self._ledger.put, ends, self._stop.is_set(), round(elapsed_s, 1), round(put_s, 1)
        )

    def _put(self, running: Running) -> float:
        """Put the records in a thread, and show the progress. Return the seconds that it took."""
        plan, fleet, began_s = running.plan, running.fleet, time.monotonic()
        putter = Putter(running.account.putting, plan.stream, self._ledger, plan.rate)
        records = islice(simulator.play(plan.seed), plan.records)
        with ThreadPoolExecutor(1, "putter") as pool:
            done = pool.submit(putter.put, records, self._stop)
            try:
                together([until(done.done, "putting", _PUT_TIMEOUT_S, fleet.logs)], fleet, self._look)
            except BaseException:
                self._stop.set()
                raise
            done.result()
        return time.monotonic() - began_s

    def _await_durable(self, running: Running) -> None:
        """Wait until all records are durable everywhere. After a timeout the audit shows what is missing."""
        steps = [
            until(
                lambda sink=sink: self._durable(running.account, sink) >= self._ledger.put,  # type: ignore[misc]
                f"waiting for {sink.place}",
                _DURABLE_TIMEOUT_S,
                running.fleet.log(sink.name),
            )
            for sink in self._sinks
        ]
        try:
            together(steps, running.fleet, self._look)
        except Slow as fault:
            self._screen.say(str(fault))

    def _look_unless_stopped(self, phase: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self._look(phase)

    def _look(self, phase: str) -> None:
        elapsed_s = time.monotonic() - self._began_s
        put, account = self._ledger.put, self._account
        done = [Done(sink.done, self._durable(account, sink) if account else 0) for sink in self._sinks]
        self._screen.show(Progress(phase, elapsed_s, self._plan.records, put, done))

    def _durable(self, account: Account, sink: Sink) -> int:
        """Count the records at or before their shard's checkpoint, which are durable according to the consumer."""
        newest = self._ledger.newest()
        leases = account.leases(self._plan.application_of(sink.name))
        return sum(self._ledger.passed(lease.shard, lease.covers(newest.get(lease.shard, -1))) for lease in leases)
