"""CPU of whole process trees that archive the same stream: daemon and children, JVM included.

Each contender has a fresh replay server. Its CPU counts from the first GetRecords, so that no start-up
is in it, to the last object stored.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bento, contenders, cpu, daemon, events, readback, services
from tests.bench.report import Figure, Say

VOLUME = services.Volume()
MOST_OF_STOCK = 0.55
MOST_OF_BENTO = 1.1
_SAMPLE_S = 0.2
_QUIET_S = 8.0
_LONGEST_S = 900.0
_US = 1e6

Check = Callable[[services.Replay, str, list[bytes], services.Volume], readback.Verdict]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a contender used on the whole stream."""

    root_us: float
    """CPU of the first process (a JVM, or Bento), in microseconds a record."""
    children_us: float
    wall_s: float
    resident_mib: float

    @property
    def total_us(self) -> float:
        """CPU of the tree, in microseconds a record."""
        return self.root_us + self.children_us


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure ours, stock and Bento at two levels of gzip."""
    data = events.generate()
    totals: dict[str, float] = {}
    with services.embedded_aws(directory) as aws:
        for name, check in _contenders().items():
            with services.replay(directory, VOLUME, aws) as endpoint:
                say(f"tree: {name}: {VOLUME.records:,} records")
                command = _command(name, directory, endpoint.url)
                with services.running(command, directory / f"tree-{name}.log") as process:
                    spent = _watch(process, endpoint)
                verdict = check(endpoint, f"archive/{name}/", data, VOLUME)
            totals[name] = spent.total_us
            say(f"tree: {name}: {spent} {verdict}")
            yield from _figures(name, spent, verdict)
    if "ours" in totals:
        yield Figure("tree", "ours / stock", totals["ours"] / totals["stock"], "", MOST_OF_STOCK, "stock with gzip 6")
        for level in (6, 1):
            ratio = totals["ours"] / totals[f"bento{level}"]
            yield Figure("tree", f"ours / Bento, gzip {level}", ratio, "", MOST_OF_BENTO)


def _contenders() -> dict[str, Check]:
    checks: dict[str, Check] = {"ours": readback.by_position} if contenders.ours_is_here() else {}
    return checks | dict.fromkeys(("bento1", "bento6", "stock"), readback.by_count)


def _command(name: str, directory: Path, endpoint: str) -> list[str]:
    if name == "stock":
        return daemon.stock(directory, endpoint, name)
    if name == "ours":
        return daemon.ours(contenders.our_properties(directory, endpoint, name))
    return bento.command(directory, endpoint, name, VOLUME.batch, int(name.removeprefix("bento")))


def _watch(process: subprocess.Popen[bytes], endpoint: services.Replay) -> Spent:
    """Follow a contender until all is served and nothing more is stored.

    Raises:
        RuntimeError: it ended, or took too long.

    """
    start: dict[int, float] | None = None
    started_s = ended_s = time.monotonic()
    end: dict[int, float] = {}
    puts, resident = -1, 0.0
    while True:
        now_s, stats, spent = time.monotonic(), endpoint.stats(), cpu.by_process(process.pid)
        if process.poll() is not None or now_s - started_s > _LONGEST_S:
            message = f"{process.args!r} did not archive the stream: {stats}; its log is in the run's directory"
            raise RuntimeError(message)
        if start is None and stats["get_records"]:
            start, started_s = spent, now_s
        if stats["puts"] != puts:
            puts, ended_s, end = stats["puts"], now_s, spent
            resident = max(resident, sum(cpu.resident_mib(pid) for pid in spent))
        if start is not None and stats["served"] >= VOLUME.records and now_s - ended_s > _QUIET_S:
            break
        time.sleep(_SAMPLE_S)
    used = {pid: (seconds - start.get(pid, 0.0)) * _US / VOLUME.records for pid, seconds in end.items()}
    root = used.pop(process.pid)
    return Spent(root, sum(used.values()), ended_s - started_s, resident)


def _figures(name: str, spent: Spent, verdict: readback.Verdict) -> Iterator[Figure]:
    split = f"{spent.root_us:.1f} + {spent.children_us:.1f}; " if spent.children_us else ""
    stored = f"{verdict.stored_bytes / 1e6:.0f} MB stored"
    note = f"{split}{spent.wall_s:.0f} s, {spent.resident_mib:.0f} MiB resident, {stored}"
    yield Figure("tree", f"{name}, CPU a record", spent.total_us, "us", None, note)
    counts = f"{verdict.lost} lost, {verdict.duplicated} duplicated, {verdict.altered} altered"
    note, limit = f"{counts} in {verdict.objects} objects", 0 if name == "ours" else None
    yield Figure("tree", f"{name}, records not stored exactly once", verdict.wrong, "", limit, note)
