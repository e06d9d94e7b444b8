"""The search index: what a document costs our client, another client, and one real OpenSearch node.

Every contender is a process of its own that stays alive, and feeds a fresh index in each round. Figures are the least
of the rounds: noise only adds. The server's CPU is all of its process, with the merges and refreshes of those seconds.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from consumers.search.template import EPAS, template_of
from tests.bench import cpu, services, stages
from tests.bench.feeders import FEEDERS, INDICES, Job, records_of
from tests.bench.report import Figure, Say
from tests.support.search import SearchNode, opensearch

ROUNDS = 3
ROUND_RECORDS = 100_000
# Like for like, a request has the same bytes on the wire: gzip, and as large as ours.
MOST_OF_HELPERS = {"helpers.bulk": 0.3, "helpers.bulk, gzip": 1 / 6}
MOST_OF_SERVER = 1.0
_HEAP = "512m"
# The launcher stops at the first compiler, to start quickly. Such a server takes twice the CPU: it flatters a client.
_FULLY_COMPILED = "-XX:TieredStopAtLevel=4"
_US = 1e6
_ALONE = ("ours", "helpers.bulk", "helpers.bulk, gzip")
_BOTH = ("ours", "prepared")


@dataclass(frozen=True, slots=True)
class Run:
    """What one round used, in microseconds a document."""

    client_us: float
    server_us: float
    wall_us: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The node, and the processes of each contender: one a shard."""

    directory: Path
    node: SearchNode
    s3: str
    server_pid: int
    processes: Mapping[str, Sequence[ProcessPoolExecutor]]

    def round(self, number: int, name: str, shards: int) -> Run:
        """Have a contender feed a fresh index, from one process or two at once, and hold it to its word."""
        index = INDICES.replace("%Y", f"{number}-{shards}-{list(FEEDERS).index(name)}")
        each = ROUND_RECORDS // shards
        jobs = [Job(self.directory, self.s3, self.node.endpoint, index, shard, each) for shard in range(shards)]
        before_s = cpu.process_s(self.server_pid)
        waited = [pool.submit(FEEDERS[name], job) for pool, job in zip(self.processes[name], jobs, strict=False)]
        spent = [answer.result() for answer in waited]
        server_s = cpu.process_s(self.server_pid) - before_s
        self._check(name, jobs)
        client_s = sum(one.cpu_s for one in spent)
        wall_s = max(one.ended_s for one in spent) - min(one.begun_s for one in spent)
        return Run(*(seconds * _US / ROUND_RECORDS for seconds in (client_s, server_s, wall_s)))

    def _check(self, name: str, jobs: Sequence[Job]) -> None:
        """Hold a contender to its word, and drop its index.

        Raises:
            RuntimeError: not every record is a document, or one of them is not what it should be.

        """
        index = jobs[0].index
        self.node.ask("POST", f"/{index}/_refresh")
        found = self.node.ask("GET", f"/{index}/_count")[1]["count"]
        for job in jobs:
            record = records_of(job.records)[-1]
            document = self.node.ask("GET", f"/{index}/_doc/{job.id_of(record)}")[1].get("_source")
            if found != ROUND_RECORDS or document != job.source_of(record):
                message = f"{name} indexed {found} of {ROUND_RECORDS}, or others: its figure would be of another work"
                raise RuntimeError(message)
        self.node.ask("DELETE", f"/{index}")


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure ours beside `helpers.bulk` of opensearch-py, and with two shards beside prepared requests."""
    alone: dict[str, list[Run]] = {name: [] for name in _ALONE}
    both: dict[str, list[Run]] = {name: [] for name in _BOTH}
    with _bench(directory) as bench:
        for number in range(ROUNDS + 1):
            for runs, shards in ((alone, 1), (both, 2)):
                for name, found in runs.items():
                    one = bench.round(number, name, shards)
                    say(f"index: round {number} of {ROUNDS}, {shards} shards: {name}: {_shown(one)}")
                    if number:  # the first warms the JVM up
                        found.append(one)
    yield from _alone(alone)
    yield from _shares(min(one.client_us for one in alone["ours"]))
    yield from _both(both)


def _alone(runs: Mapping[str, Sequence[Run]]) -> Iterator[Figure]:
    client = {name: min(one.client_us for one in found) for name, found in runs.items()}
    server = {name: min(one.server_us for one in found) for name, found in runs.items()}
    for name, found in runs.items():
        note = f"and {server[name]:.1f} us of the server; {min(one.wall_us for one in found):.1f} us by the clock"
        yield Figure("index", f"{name}, client's CPU a document", client[name], "us", None, note)
    for name in _ALONE[1:]:
        limit = MOST_OF_HELPERS[name]
        yield Figure("index", f"ours / {name}", client["ours"] / client[name], "", limit, "opensearch-py")
    yield Figure("index", "ours / server", client["ours"] / server["ours"], "", MOST_OF_SERVER, "CPU, one shard")


def _shares(whole_us: float) -> Iterator[Figure]:
    rest_us = whole_us
    for name, value in stages.stages():
        rest_us -= value
        yield Figure("index", f"ours: {name}", value, "us")
    yield Figure("index", "ours: HTTP, cold caches, the rest", rest_us, "us")


def _both(runs: Mapping[str, Sequence[Run]]) -> Iterator[Figure]:
    fastest = {name: min(found, key=lambda one: one.wall_us) for name, found in runs.items()}
    for name, one in fastest.items():
        server, clients = one.server_us / one.wall_us, one.client_us / one.wall_us
        note = f"{_US / one.wall_us:,.0f} documents/s; busy cores: server {server:.2f}, clients {clients:.2f}"
        yield Figure("index", f"{name}, two shards, by the clock", one.wall_us, "us", None, note)
    note = "two shards, by the clock; prepared requests cost a client next to nothing"
    ratio = fastest["ours"].wall_us / fastest["prepared"].wall_us
    yield Figure("index", "ours / prepared", ratio, "", None, note)


def _shown(one: Run) -> str:
    return f"client {one.client_us:.2f}, server {one.server_us:.2f}, wall {one.wall_us:.2f} us a document"


@contextlib.contextmanager
def _bench(directory: Path) -> Iterator[Bench]:
    start = partial(ProcessPoolExecutor, 1, mp_context=get_context("spawn"))
    with services.embedded_aws(directory) as s3, _opensearch() as node, contextlib.ExitStack() as stack:
        services.make_bucket(s3)
        _install_template(node)
        pools = {name: [stack.enter_context(start()) for _ in range(2 if name in _BOTH else 1)] for name in FEEDERS}
        yield Bench(directory, node, s3, _pid_of(node), pools)


@contextlib.contextmanager
def _opensearch() -> Iterator[SearchNode]:
    os.environ["_JAVA_OPTIONS"] = _FULLY_COMPILED  # a JVM reads it after its command line
    try:
        with opensearch(heap=_HEAP) as node:
            yield node
    finally:
        del os.environ["_JAVA_OPTIONS"]


def _install_template(node: SearchNode) -> None:
    template = template_of(INDICES, EPAS, data_stream=False)
    status, answer = node.ask("PUT", f"/_index_template/{template.name}", dict(template.body))
    if status != 200:
        message = f"the index template is refused: {answer}"
        raise RuntimeError(message)


def _pid_of(node: SearchNode) -> int:
    """Give the server's process, once it is known to be the server that is meant.

    Raises:
        RuntimeError: its JVM does not compile fully.

    """
    found: dict[str, Any] = node.ask("GET", "/_nodes/process,jvm")[1]["nodes"]
    (only,) = found.values()
    if [flag for flag in only["jvm"]["input_arguments"] if "TieredStopAtLevel" in flag][-1:] != [_FULLY_COMPILED]:
        message = "the server's JVM does not compile fully: its CPU would be that of another server"
        raise RuntimeError(message)
    pid: int = only["process"]["id"]
    return pid
