"""The daemon's side of the pipe: feeds a child and answers its checkpoints."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.bench import cpu, lines

_STOP_S = 30


class Child:
    """One child process, as the daemon would hold it for one shard."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path, shard: int = 0) -> None:
        """Start the process; its stderr goes to `log`."""
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=os.environ | environment
            )
        self.checkpoints = 0
        self.last_sequence = ""
        self._shard = shard

    def __enter__(self) -> Self:
        """Answer the child itself, initialised."""
        self.ask(lines.initialize(self._shard))
        return self

    def __exit__(self, *_: object) -> None:
        """End the child: with leaseLost and the end of its input, or by force."""
        if self._process.poll() is None:
            self.ask(lines.lease_lost())
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def cpu_s(self) -> float:
        """Give the child's CPU seconds up to now."""
        return cpu.process_s(self.pid)

    def ask(self, line: bytes) -> None:
        """Send one message and wait for its status; checkpoints in between are granted.

        Raises:
            RuntimeError: the child ended instead of answering.

        """
        self._write(line)
        while True:
            answer = self._read()
            if answer["action"] == "status":
                return
            self.checkpoints += 1
            self.last_sequence = str(answer["sequenceNumber"])
            # kclpy leaves the sub-sequence out as null; the daemon then fills it in.
            self._write(lines.checkpointed(answer["sequenceNumber"], answer.get("subSequenceNumber") or 0))

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _read(self) -> dict[str, object]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.strip():
                answer: dict[str, object] = json.loads(line)
                return answer
        raise self._ended()

    def _ended(self) -> RuntimeError:
        tail = self._log.read_text(errors="replace")[-2000:]
        return RuntimeError(f"the child {self._process.args!r} ended early; its last words:\n{tail}")
