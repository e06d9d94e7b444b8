"""The daemon's side of the pipe, with KCL's rules: it drives the real child process, over real pipes.

Checked against the real MultiLangDaemon by the suite in tests/daemon.
"""

import base64
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from consumers.records import Position, Record
from tests.support.servers import KEYS

SHARD_END = "SHARD_END"


class ChildDied(Exception):
    """The child ended without answering."""


@dataclass
class Lease:
    """One shard's row of the lease table, and the records that its stream holds."""

    shard: str = "shardId-000000000000"
    records: list[Record] = field(default_factory=list)
    checkpoint: Position | str = "TRIM_HORIZON"
    epoch: int = 0
    history: list[Position | str] = field(default_factory=list)

    def after(self, position: Position | None) -> list[Record]:
        """Give the records after a position."""
        return [record for record in self.records if position is None or record.position > position]


class Child:
    """A real child process that holds a lease."""

    def __init__(self, properties: Path, lease: Lease, module: str = "consumers.child") -> None:
        lease.epoch += 1
        self.lease, self.epoch = lease, lease.epoch
        self.refusals: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.log = properties.with_name(f"child-{lease.shard}-{lease.epoch}.log")
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(properties)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **KEYS},
            )
        self.position = lease.checkpoint if isinstance(lease.checkpoint, Position) else None
        self._delivered = self.position
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()

    def logs(self, event: str | None = None) -> list[dict[str, Any]]:
        """Give what the child logged, or the lines of one event."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if event is None or line.get("event") == event]

    def await_log(self, event: str, within_s: float = 60) -> dict[str, Any]:
        """Wait until the child has logged an event."""
        until = time.monotonic() + within_s
        while not (found := self.logs(event)):
            if time.monotonic() > until:
                message = f"no {event!r} within {within_s:g} s: {self.log.read_text()[-2000:]}"
                raise AssertionError(message)
            time.sleep(0.02)  # the log file is the event's only channel
        return found[-1]

    def initialize(self) -> None:
        """Give the shard to the child."""
        at = self.lease.checkpoint
        number, sub = (str(at.sequence), at.sub) if isinstance(at, Position) else (at, 0)
        self.exchange(
            {"action": "initialize", "shardId": self.lease.shard, "sequenceNumber": number, "subSequenceNumber": sub}
        )

    def deliver(self, count: int = 10_000) -> int:
        """Deliver what comes next, which may be nothing."""
        batch = self.lease.after(self.position)[:count]
        self.send_records(batch)
        self.await_status("processRecords")
        return len(batch)

    def send_records(self, batch: list[Record], behind_ms: int = 0) -> None:
        """Send records without waiting for the answer."""
        if batch:
            self.position = batch[-1].position
        self.send({"action": "processRecords", "records": [wire(r) for r in batch], "millisBehindLatest": behind_ms})

    def end_shard(self) -> None:
        """Say that the shard ended."""
        self._ended = True
        self.exchange({"action": "shardEnded"})

    def exchange(self, message: dict[str, Any]) -> None:
        """Send a message and serve checkpoints until it is answered."""
        self.send(message)
        self.await_status(message["action"])

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.sent.append(message)
        if message["action"] == "processRecords":
            self._delivered = max(map(_position, filter(_placed, message["records"])), default=self._delivered)
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as fault:
            raise ChildDied from fault

    def await_status(self, action: str) -> None:
        """Serve checkpoints until the action is answered."""
        while True:
            answer = self.read()
            if answer["action"] == "checkpoint":
                self.send(self._checkpoint(answer))
                continue
            assert answer == {"action": "status", "responseFor": action}
            return

    def read(self) -> dict[str, Any]:
        """Read the child's next message."""
        assert self.process.stdout
        while line := self.process.stdout.readline():
            if line.strip():
                message: dict[str, Any] = json.loads(line)
                self.received.append(message)
                return message
        self.process.wait()
        raise ChildDied

    def close(self) -> int:
        """Close the pipe, as a daemon that ends does; the child's exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(30)

    def _checkpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {**asked, "error": self._refusal(asked)}

    def _refusal(self, asked: dict[str, Any]) -> str | None:
        if self.refusals:
            return self.refusals.pop(0)
        if self.epoch != self.lease.epoch:
            return "ShutdownException"
        if asked["sequenceNumber"] is None:
            assert self._ended, "a bare checkpoint before the end of the shard"
            self._accept(SHARD_END)
            return None
        position = Position(int(asked["sequenceNumber"]), int(asked["subSequenceNumber"] or 0))
        if self._delivered is None or position > self._delivered:
            return "IllegalArgumentException"
        self._accept(position)
        return None

    def _accept(self, position: Position | str) -> None:
        self.lease.checkpoint = position
        self.lease.history.append(position)


def _placed(line: Any) -> bool:
    return isinstance(line, dict) and str(line.get("sequenceNumber")).isdigit()


def _position(line: dict[str, Any]) -> Position:
    return Position(int(line["sequenceNumber"]), int(line.get("subSequenceNumber") or 0))


def wire(record: Record) -> dict[str, Any]:
    """Write a record as the daemon does."""
    return {
        "action": "record",
        "data": base64.b64encode(record.payload).decode(),
        "partitionKey": record.partition_key,
        "sequenceNumber": record.sequence_number,
        "subSequenceNumber": record.sub_sequence_number,
        "approximateArrivalTimestamp": record.arrival_ms,
    }


def new_records(count: int, *, begin: int = 0, size: int = 40, arrival_ms: int | None = None) -> list[Record]:
    """Make records of a shard, in order, with 56-digit sequence numbers."""
    base = 49 * 10**54
    now = int(time.time() * 1000) if arrival_ms is None else arrival_ms
    return [
        Record(f"{i}:".encode() + b"x" * size, f"key-{i % 7}", str(base + i * 1_000_003), now, 0)
        for i in range(begin, begin + count)
    ]
