"""Starts the parts of a demonstration, each as soon as those before it answer."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from consumers.local.account import Account
from consumers.local.fleet import Broken, Fleet, tail
from consumers.local.place import AWS, Place, companion_of, programs, servers_of
from consumers.local.plan import Plan
from consumers.local.sink import Look, Server, Sink, Site
from consumers.local.steps import Step, together, until

_SERVER_TIMEOUT_S = 90.0
_COMMAND_TIMEOUT_S = 60.0
# A first start takes 10 s, or half a minute on a loaded machine; the rest is margin.
_LEASES_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Running:
    """A fleet whose daemons hold every lease and wait for records."""

    plan: Plan
    account: Account
    fleet: Fleet
    sites: Sequence[Site]
    """One for each sink, in their order."""
    place: Place
    environment: dict[str, str]

    def stop(self, sinks: Sequence[Sink], look: Look) -> dict[str, int]:
        """Drain the daemons, stop the companions, then run the conclusions. Return the daemons' exit codes.

        Raises:
            Broken: a conclusion failed.
        """
        codes = self.fleet.stop([sink.name for sink in sinks])
        self.fleet.stop([companion_of(sink) for sink in sinks if sink.companion])
        steps = [_done(sink, sink.conclusion, self.place, self.environment) for sink in sinks if sink.conclusion]
        together(steps, self.fleet, look)
        return codes


@contextmanager
def launched(plan: Plan, sinks: Sequence[Sink], place: Place, look: Look) -> Iterator[Running]:
    """Start everything, and stop everything at the end.

    Raises:
        Broken: a program ended, or a command failed.
        Slow: a step took too long.
    """
    servers = servers_of(plan, sinks)
    place.make(sinks, servers)
    environment = plan.environment(dict(os.environ))
    fleet = Fleet(programs(plan, sinks, place), place.logs, place.socket)
    clean = False
    try:
        look("starting supervisord")
        fleet.start(environment)
        if plan.embedded:
            [endpoint] = together([_endpoint(AWS, place, fleet)], fleet, look)
            plan = replace(plan, endpoint=endpoint)
            place.s3_endpoint.write_text(endpoint)
            for server in servers:
                if server.reads_s3:
                    fleet.begin(server.name)
        look("creating stream and bucket")
        account = Account(plan)
        if not account.prepare():
            plan = replace(plan, begin_s=int(time.time()))
        starts = [_started(sink, Site(plan, account, ""), place, fleet, environment) for sink in sinks]
        sites = together(starts, fleet, look)
        yield Running(plan, account, fleet, sites, place, environment)
        clean = True
    finally:
        fleet.close(at_once=not clean)


def _started(sink: Sink, site: Site, place: Place, fleet: Fleet, environment: dict[str, str]) -> Step[Site]:
    """Start a sink's daemon once its server answers, and wait until it holds every lease."""
    if sink.server is not None:
        site = site._replace(server=(yield from _endpoint(sink.server, place, fleet)))
    properties = place.properties(sink)
    properties.write_text(site.plan.properties(sink.name, sink.keys(site.plan, site.server)))
    for command in sink.commands:
        yield from _done(sink, command, place, environment)
    fleet.begin(sink.name)
    if sink.companion:
        fleet.begin(companion_of(sink))
    log, application = fleet.log(sink.name), site.plan.application_of(sink.name)
    holds = until(lambda: _ready(site.account, application, log), f"starting {sink.name}", _LEASES_TIMEOUT_S, log)
    yield from holds
    return site


def _endpoint(server: Server, place: Place, fleet: Fleet) -> Step[str]:
    """Wait for the endpoint that a server writes to its pipe once it answers."""
    # Opened for writing too, the pipe neither blocks nor ends before the server has written.
    descriptor = os.open(place.ready(server), os.O_RDWR | os.O_NONBLOCK)
    try:
        yield from until(
            lambda: bool(select.select([descriptor], [], [], 0)[0]),
            f"starting {server.title}",
            _SERVER_TIMEOUT_S,
            fleet.log(server.name),
        )
        return os.read(descriptor, 200).decode().strip()
    finally:
        os.close(descriptor)


def _done(sink: Sink, command: str, place: Place, environment: dict[str, str]) -> Step[None]:
    """Run a subcommand with a sink's file, and wait for its end.

    Raises:
        Broken: it failed.
    """
    name, phase = f"{sink.name}-{command.split(maxsplit=1)[0]}", f"{sink.name}: {command}"
    line = (sys.executable, "-m", "consumers", *command.split(), str(place.properties(sink)))
    log = place.logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            line, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield from until(lambda: process.poll() is not None, phase, _COMMAND_TIMEOUT_S, log)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        state = f"failed (exit code {process.returncode})"
        raise Broken(phase, state, log, tail(log))


def _shards_taken(log: Path) -> int:
    """Count the shards whose child is ready for records, by the children's log lines."""
    try:
        lines = log.read_bytes().split(b"\n")[:-1]  # the last one may be half written
    except FileNotFoundError:
        return 0
    taken = (line for line in lines if b'"shard_taken"' in line)
    return len({msgspec.json.decode(line)["shard"] for line in taken})


def _ready(account: Account, application: str, log: Path) -> bool:
    """Return whether every lease is owned, and each shard's child has logged that it runs."""
    leases = account.leases(application)
    owned = bool(leases) and all(lease.owner for lease in leases)
    return owned and _shards_taken(log) >= len(leases)
