"""How long a shard stands still: first start, restart, and the death of a daemon or of a child.

The real daemon runs on the embedded AWS's leases; the stream flows at a steady pace. Every time is taken
to the first record that is *stored* again, of whichever shard returns last. Both children store what one
message of the daemon brings at once, so that is a PUT after the first record's delivery.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import contenders, cpu, daemon, services
from tests.bench.report import Figure, Say

FIRST_START_S = 15.0
RESTART_S = 10.0
GRACE_S = 20.0
CHILD_DEATH_S = GRACE_S + 10.0
# 200 records a GetRecords at about 780 records/s for each shard: the stream never runs dry.
VOLUME = services.Volume(records_per_shard=10_000_000, shards=2, batch=200, mb_per_s=0.5)
_LONGEST_S = 200.0
_POLL_S = 0.05
_MS = 1000


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure ours, then stock."""
    names = (("ours",) if contenders.ours_is_here() else ()) + ("stock",)
    with services.embedded_aws(directory) as aws:
        for name in names:
            with services.replay(directory, VOLUME, aws) as endpoint:
                for what, seconds, limit in _scenes(name, directory, endpoint, say):
                    target = limit if name == "ours" else None
                    note = "" if seconds < _LONGEST_S else f"not back within {_LONGEST_S:.0f} s"
                    yield Figure("restart", f"{name}, {what}", seconds, "s", target, note)


def _scenes(name: str, directory: Path, endpoint: services.Replay, say: Say) -> Iterator[tuple[str, float, float]]:
    log = directory / f"restart-{name}.log"
    command, prepare = _commands(name, directory, endpoint.url)
    if prepare:
        with services.running(prepare, log) as preparing:
            preparing.wait(_LONGEST_S)
    with contextlib.ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            return stack.enter_context(services.running(command, log))

        def scene(what: str, seconds: float, limit: float) -> tuple[str, float, float]:
            say(f"restart: {name}: {what}: {seconds:.1f} s")
            return what, seconds, limit

        begun_s = time.time()
        process = start()
        yield scene("first start", _until_back(endpoint, begun_s, process), FIRST_START_S)

        asked_s = time.time()
        process.send_signal(signal.SIGTERM)
        process.wait(_LONGEST_S)
        begun_s = time.time()
        yield scene("SIGTERM until it has left", begun_s - asked_s, GRACE_S)
        process = start()
        yield scene("restart after SIGTERM", _until_back(endpoint, begun_s, process), RESTART_S)

        begun_s = time.time()
        process.kill()
        process.wait()
        process = start()
        yield scene("kill -9 of the daemon", _until_back(endpoint, begun_s, process), RESTART_S)

        asked_s = time.time()
        os.kill(_one_child(process.pid), signal.SIGKILL)
        process.wait(_LONGEST_S)
        begun_s = time.time()
        process = start()
        gone_s = begun_s - asked_s
        yield scene("kill -9 of one child", gone_s + _until_back(endpoint, begun_s, process), CHILD_DEATH_S)


def _commands(name: str, directory: Path, endpoint: str) -> tuple[Sequence[str], Sequence[str]]:
    """Give the command of the daemon, and the one that prepares its leases."""
    if name == "stock":
        return daemon.stock(directory, endpoint, "stock-restart", extra=""), ()
    properties = contenders.our_properties(directory, endpoint, "ours-restart", max_records=VOLUME.batch)
    return daemon.ours(properties), daemon.prepare(properties)


def _one_child(pid: int) -> int:
    return max(child for child in cpu.tree(pid) if child != pid)


def _until_back(endpoint: services.Replay, since_s: float, process: subprocess.Popen[bytes]) -> float:
    """Give the seconds until each shard has stored an object that it began after `since_s`.

    Raises:
        RuntimeError: the daemon ended.

    """
    while (waited_s := time.time() - since_s) < _LONGEST_S:
        newest: dict[str, int] = {}
        for entry in endpoint.objects():
            for shard in ("shardId-000000000000", "shardId-000000000001"):
                if shard in entry["path"] and entry["path"].endswith(".gz") and entry["modified_ms"] > since_s * _MS:
                    newest.setdefault(shard, entry["modified_ms"])
                    newest[shard] = min(newest[shard], entry["modified_ms"])
        if len(newest) == VOLUME.shards:
            return max(newest.values()) / _MS - since_s
        if process.poll() is not None:
            message = f"{process.args!r} ended with {process.returncode}; its log is in the run's directory"
            raise RuntimeError(message)
        time.sleep(_POLL_S)
    return waited_s
