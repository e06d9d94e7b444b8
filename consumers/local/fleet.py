"""Runs programs under supervisord, and reports their states."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from consumers.local.supervisord import Program, configuration

_START_TIMEOUT_S = 15.0
_POLL_S = 0.05
_FAILED_STATES = frozenset({"FATAL", "EXITED", "UNKNOWN"})


class Broken(Exception):
    """A program ended that should run. The message names its log."""

    def __init__(self, program: str, state: str, log: Path, tail: Sequence[str]) -> None:
        """Store the message, and the lines of the log to show."""
        super().__init__(f"{program} is {state}; its log is {log}")
        self.tail = tail


class Fleet:
    """A running supervisord."""

    def __init__(self, programs: Sequence[Program], logs: Path, socket: Path) -> None:
        """Store the programs. ``socket`` must be short: a unix socket's path has at most 107 bytes."""
        self._programs = programs
        self._logs = logs
        self._socket = socket
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str], text: str | None = None) -> None:
        """Start supervisord, with another configuration if one is given, and wait until it answers.

        Raises:
            Broken: it ended, or did not answer in time.
        """
        conf = self._socket.with_suffix(".conf")
        conf.write_text(configuration(self._programs, self._socket) if text is None else text)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(conf)]
        with (self._logs / "supervisord.err").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                command,
                env=environment,
                cwd=self._logs,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                # The terminal's Ctrl-C must reach only the demonstration, which then drains.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                program, log = "supervisord", self._logs / "supervisord.err"
                raise Broken(program, "not answering", log, tail(log))
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        try:
            self._call(lambda server: server.getState())
        except (OSError, Fault):
            return False
        return True

    def begin(self, name: str) -> None:
        """Start a program that does not start by itself."""
        self._call(lambda server: server.startProcess(name, False))  # noqa: FBT003

    def stop(self, names: Sequence[str]) -> dict[str, int]:
        """Send SIGTERM to programs, wait until all have ended, and return their exit codes.

        -1 stands for a program that had to be killed.
        """
        for name in names:
            self._terminate(name)
        return {name: self._exit_code(name) for name in names}

    def _terminate(self, name: str) -> None:
        # NOT_RUNNING: it ended before the call.
        with contextlib.suppress(Fault):
            self._call(lambda server: server.stopProcess(name, False))  # noqa: FBT003

    def _exit_code(self, name: str) -> int:
        while (info := self._call(lambda server: server.getProcessInfo(name)))["statename"] == "STOPPING":
            time.sleep(_POLL_S)
        return int(info["exitstatus"])

    def check(self) -> None:
        """Raise Broken if a program that was started does not run any more."""
        for info in self._call(lambda server: server.getAllProcessInfo()):
            if info["statename"] in _FAILED_STATES:
                log = self.log(info["name"])
                why = info["spawnerr"] or f"exit code {info['exitstatus']}"
                state = f"{info['statename']} ({why})"
                raise Broken(info["name"], state, log, tail(log))

    @property
    def logs(self) -> Path:
        """The folder of the programs' output."""
        return self._logs

    def log(self, name: str) -> Path:
        """Return the path of a program's output."""
        return self._logs / f"{name}.log"

    def close(self, *, at_once: bool = False) -> None:
        """Stop everything and wait for it. ``at_once`` kills instead of draining."""
        if self._process is None:
            return
        with contextlib.suppress(OSError, Fault):
            running = self._call(lambda server: server.getAllProcessInfo())
            if at_once:
                self._process.kill()  # first, or it would restart the killed programs
                _kill_groups([info["pid"] for info in running if info["pid"]])
            else:
                self._call(lambda server: server.shutdown())
        patience_s = 10 + sum(program.stop_timeout_s for program in self._programs)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _call(self, request: Callable[[Any], Any]) -> Any:
        """Send one request over a connection of its own: an interrupted connection could not be reused."""
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            return request(ServerProxy("http://127.0.0.1", transport=transport).supervisor)
        finally:
            transport.close()


def _kill_groups(leaders: Sequence[int]) -> None:
    """Kill each program with its children: supervisord makes each program the leader of a process group."""
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def tail(log: Path, count: int = 15) -> list[str]:
    """Return the last lines of a log, or none if the file does not exist."""
    try:
        with log.open(errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, maxlen=count)]
    except OSError:
        return []
