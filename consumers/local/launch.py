"""Brings a demonstration's parts up, each as soon as the one before it answers."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from consumers.local.account import Account
from consumers.local.fleet import Broken, Fleet, tail
from consumers.local.place import DAEMON, Place, programs
from consumers.local.plan import Plan

_LOOK_EVERY_S = 0.3
_AWS_TIMEOUT_S = 30.0
# The first start takes 10 s here and half a minute on a loaded machine; the rest is margin.
_LEASES_TIMEOUT_S = 120.0

Look = Callable[[str], None]
"""Shows the phase; raises when the user has asked for the end."""


class Slow(Exception):
    """A step did not come to its end in time; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Running:
    """A fleet that holds every lease and waits for records."""

    plan: Plan
    account: Account
    fleet: Fleet


@contextmanager
def launched(plan: Plan, place: Place, look: Look) -> Iterator[Running]:
    """Start everything, and end everything on the way out.

    Raises:
        Broken: a program ended, or a command failed.
        Slow: a step took too long.

    """
    place.logs.mkdir(parents=True, exist_ok=True)
    place.runtime.mkdir(mode=0o700)
    environment = plan.environment(dict(os.environ)) | {"RUNTIME_DIRECTORY": str(place.runtime)}
    fleet = Fleet(programs(plan, place), place.logs, place.socket)
    if plan.embedded:
        os.mkfifo(place.ready, 0o600)
    clean = False
    try:
        look("starting supervisord")
        fleet.start(environment)
        if plan.embedded:
            plan = replace(plan, endpoint=_endpoint(place, fleet, look))
        look("creating stream and bucket")
        account = Account(plan)
        if not account.prepare():
            plan = replace(plan, begin_s=int(time.time()))
        place.properties.write_text(plan.properties())
        _prepare_leases(place, environment, look)
        fleet.begin(DAEMON)
        wait(
            lambda: _ready(account, fleet.log(DAEMON)),
            fleet,
            look,
            "starting the daemon",
            _LEASES_TIMEOUT_S,
        )
        yield Running(plan, account, fleet)
        clean = True
    finally:
        fleet.close(at_once=not clean)


def wait(until: Callable[[], bool], fleet: Fleet, look: Look, phase: str, limit_s: float) -> None:
    """Look a few times a second until ``until`` holds.

    Raises:
        Broken: a program ended meanwhile.
        Slow: it did not hold within ``limit_s``.

    """
    deadline = time.monotonic() + limit_s
    while not until():
        look(phase)
        fleet.check()
        if time.monotonic() > deadline:
            message = f"{phase} took more than {limit_s:.0f} s; see {fleet.log(DAEMON)}"
            raise Slow(message)
        time.sleep(_LOOK_EVERY_S)


def _endpoint(place: Place, fleet: Fleet, look: Look) -> str:
    """Wait for what the embedded AWS writes into its pipe once it answers."""
    # Opened for writing as well, the pipe neither blocks nor ends while nobody has written.
    descriptor = os.open(place.ready, os.O_RDWR | os.O_NONBLOCK)
    try:
        wait(
            lambda: bool(select.select([descriptor], [], [], _LOOK_EVERY_S)[0]),
            fleet,
            look,
            "starting the embedded AWS",
            _AWS_TIMEOUT_S,
        )
        return os.read(descriptor, 200).decode().strip()
    finally:
        os.close(descriptor)


def _prepare_leases(place: Place, environment: dict[str, str], look: Look) -> None:
    look("preparing the leases")
    log = place.logs / "prepare.log"
    command = [sys.executable, "-m", "consumers", "prepare", str(place.properties)]
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        program, state = "prepare", f"failed (exit code {done.returncode})"
        raise Broken(program, state, log, tail(log))


def _shards_taken(log: Path) -> int:
    """Count the shards that have a child that is ready for records, by the children's own words."""
    try:
        lines = log.read_bytes().split(b"\n")[:-1]  # the last one may be half written
    except FileNotFoundError:
        return 0
    taken = (line for line in lines if b'"shard_taken"' in line)
    return len({msgspec.json.decode(line)["shard"] for line in taken})


def _ready(account: Account, log: Path) -> bool:
    """Tell whether every lease is owned, and each shard's child has said that it runs."""
    leases = account.leases()
    owned = bool(leases) and all(lease.owner for lease in leases)
    return owned and _shards_taken(log) >= len(leases)
