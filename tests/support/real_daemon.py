"""A real MultiLangDaemon in a session of its own: its lines as events, its children by pid, its end at all events."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.support.servers import KEYS, ROOT

FLEET = (sys.executable, "-m", "consumers")
LIVENESS_S = 180.0
"""What a busy machine may take for anything that is expected to happen at all."""

Line = dict[str, Any]


def fleet_environment(runtime: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables of a daemon that reaches stand-ins only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {
        "AWS_REGION": KEYS["AWS_DEFAULT_REGION"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(ROOT),
        "RUNTIME_DIRECTORY": str(runtime),
    }
    return kept | KEYS | own | dict(extra or {})


class RealDaemon:
    """One daemon with its children. Leaving the block kills whatever is left of them."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Describe it; a copy of its lines goes to `log`."""
        self._command, self._environment, self._log = command, environment, log
        self._arrived = threading.Condition()
        self._lines: list[Line] = []
        self._silent = False

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # the session's leader is ours, and so are all members
        self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The JVM's pid: the command line becomes it."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the JVM lives."""
        return self._process.poll() is None

    def lines(self, event: str | None = None) -> list[Line]:
        """Give what was logged up to now, or the lines of one event."""
        with self._arrived:
            return [line for line in self._lines if event in {None, line.get("event")}]

    def await_lines(self, event: str, enough: Callable[[list[Line]], bool], within_s: float = LIVENESS_S) -> list[Line]:
        """Wait until the lines of an event are enough.

        Raises:
            AssertionError: they were not in time, or the daemon and its children ended before.

        """
        until = time.monotonic() + within_s
        with self._arrived:
            while not enough(found := [line for line in self._lines if line.get("event") == event]):
                left_s = until - time.monotonic()
                if self._silent or left_s <= 0:
                    state = "the end" if self._silent else f"{within_s:g} s"
                    message = (
                        f"not enough {event!r} before {state}: {found[-3:]}; last of {self._log}: {self._lines[-15:]}"
                    )
                    raise AssertionError(message)
                self._arrived.wait(left_s)
        return found

    def await_shards(self, event: str, shards: int, each: int = 1) -> dict[str, Line]:
        """Wait until so many shards have logged an event so often; the latest line of each."""

        def enough(lines: list[Line]) -> bool:
            names = [line["shard"] for line in lines]
            return sum(names.count(name) >= each for name in set(names)) >= shards

        return {line["shard"]: line for line in self.await_lines(event, enough)}

    def children(self) -> set[int]:
        """List the pids of the shards' processes."""
        found = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                if parent == self.pid and b"properties" in stat.with_name("cmdline").read_bytes():
                    found.add(int(stat.parent.name))
        return found

    def drain(self) -> int:
        """Send SIGTERM, and give the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def freeze(self) -> None:
        """Stop the JVM and its children where they stand."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill the JVM alone, without notice."""
        self._process.kill()
        self._process.wait()

    def wait(self, within_s: float = LIVENESS_S) -> int:
        """Wait until the JVM has ended; its exit code."""
        return self._process.wait(within_s)

    def await_end(self) -> None:
        """Wait until the last process that can write to the log has ended: then there is no orphan."""
        self._reader.join(LIVENESS_S)
        assert not self._reader.is_alive(), f"a child of {self.pid} lives on"

    def _read(self) -> None:
        assert self._process.stdout
        with self._log.open("ab") as copy:
            for raw in self._process.stdout:
                copy.write(raw)
                copy.flush()
                with suppress(ValueError), self._arrived:
                    self._lines.append(json.loads(raw))
                    self._arrived.notify_all()
        with self._arrived:
            self._silent = True
            self._arrived.notify_all()


def await_gone(pids: set[int], within_s: float = LIVENESS_S) -> None:
    """Wait until none of the processes lives.

    Raises:
        AssertionError: one still does.

    """
    until = time.monotonic() + within_s
    for pid in pids:
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                poller = select.poll()
                poller.register(handle, select.POLLIN)
                assert poller.poll(max(0.0, until - time.monotonic()) * 1000), f"{pid} lives after {within_s:g} s"
            finally:
                os.close(handle)
