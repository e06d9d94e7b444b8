"""Memory and start-up cost of one child: a host pays both once for each shard that it holds."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench import contenders, cpu, events, lines, services
from tests.bench.pipe import Child
from tests.bench.report import Figure, Say

IDLE_MIB = 60.0
START_CPU_S = 0.5
FLAT_RATIO = 1.1
PEAK_BASE_MIB = 40.0
PEAK_LINES = 5
STARTS = 3
_WARM_RECORDS = 100_000
_RECORDS = 1_000_000
_LARGE_BYTES = 10 * 1024 * 1024
_MIB = 1024 * 1024


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure our child, and the stock child beside it, which has no targets to meet."""
    tape = lines.Tape.of(events.generate())
    for name, children in contenders.memory_children().items():
        ours = name == "ours"
        with services.replay(directory, services.Volume()) as endpoint:
            starts = [children(directory, endpoint.url, f"{name}-start{number}") for number in range(STARTS)]
            yield from _start(name, starts, directory / f"memory-{name}.log", ours)
            say(f"memory: {name}: started {STARTS} times")
            command = children(directory, endpoint.url, f"{name}-flat")
            with Child(command, services.ENVIRONMENT, directory / f"memory-{name}.log") as child:
                yield from _flat(name, child, tape, ours)
            say(f"memory: {name}: fed {_RECORDS:,} records")
            command = children(directory, endpoint.url, f"{name}-large")
            with Child(command, services.ENVIRONMENT, directory / f"memory-{name}.log") as child:
                yield from _large(name, child, ours)
            say(f"memory: {name}: fed a record of 10 MiB")


def _start(name: str, starts: list[list[str]], log: Path, ours: bool) -> Iterator[Figure]:
    seconds, resident = [], []
    for command in starts:
        with Child(command, services.ENVIRONMENT, log) as child:
            seconds.append(child.cpu_s())
            resident.append(cpu.resident_mib(child.pid))
    limit = START_CPU_S if ours else None
    yield Figure("memory", f"{name}, CPU until initialize is answered", min(seconds), "s", limit)
    yield Figure("memory", f"{name}, resident when idle", max(resident), "MiB", IDLE_MIB if ours else None)


def _flat(name: str, child: Child, tape: lines.Tape, ours: bool) -> Iterator[Figure]:
    warm = 0.0
    for first in range(0, _RECORDS, lines.LINE_RECORDS):
        if first == _WARM_RECORDS:
            warm = cpu.resident_mib(child.pid)
        child.ask(tape.line(first))
    end = cpu.resident_mib(child.pid)
    peak = cpu.peak_mib(child.pid)
    note = f"{warm:.0f} MiB after {_WARM_RECORDS:,}, {end:.0f} MiB after {_RECORDS:,} records, at most {peak:.0f} MiB"
    yield Figure("memory", f"{name}, growth of resident memory", end / warm, "x", FLAT_RATIO if ours else None, note)


def _large(name: str, child: Child, ours: bool) -> Iterator[Figure]:
    # Random bytes would be stored uncompressed; text is what a real oversized event holds.
    data = (b'{"event":"error","message":"' + b"stack frame, " * (_LARGE_BYTES // 13 + 1))[:_LARGE_BYTES]
    line = lines.line_of_one(0, data)
    child.ask(line)
    child.ask(lines.line_of_one(1, data))
    limit = PEAK_BASE_MIB + PEAK_LINES * len(line) / _MIB
    note = f"a line of {len(line) / _MIB:.1f} MiB; target {PEAK_BASE_MIB:g} MiB + {PEAK_LINES} lines"
    peak = cpu.peak_mib(child.pid)
    yield Figure("memory", f"{name}, peak with a record of 10 MiB", peak, "MiB", limit if ours else None, note)
