"""The servers that the benchmarks run against, on the loopback address only."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import events

ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
_BINARIES = ROOT / ".cache" / "bin"
_READY_S = 60
_STOP_S = 60
_POLL_S = 0.05
BUCKET = "bench"
STREAM = "ev"

# Clients insist on some credentials; no server here looks at them.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True, slots=True)
class Volume:
    """What the replayed stream holds."""

    records_per_shard: int = 1_000_000
    shards: int = 2
    batch: int = 10_000
    mb_per_s: float = 0.0
    """The limit of each shard; 0 is none."""

    @property
    def records(self) -> int:
        """How many records there are in all."""
        return self.records_per_shard * self.shards


@dataclass(frozen=True, slots=True)
class Replay:
    """The running stand-in for Kinesis and S3."""

    url: str

    def stats(self) -> dict[str, int]:
        """Give what was served and stored up to now."""
        answer: dict[str, int] = self._ask("/_stats")
        return answer

    def objects(self) -> list[dict[str, Any]]:
        """Give `path`, `bytes` and `modified_ms` of each object."""
        answer: list[dict[str, Any]] = self._ask("/_objects")
        return answer

    def get(self, path: str) -> bytes:
        """Give the bytes of an object, by bucket and key."""
        with urllib.request.urlopen(f"{self.url}/{path}") as answer:  # noqa: S310 - our own server
            body: bytes = answer.read()
            return body

    def _ask(self, path: str) -> Any:
        return json.loads(self.get(path.removeprefix("/")))


@contextlib.contextmanager
def replay(directory: Path, volume: Volume, dynamodb: str = "") -> Iterator[Replay]:
    """Run the replay server."""
    path, port = directory / "events.ndjson", free_port()
    if not path.exists():
        events.write(path, events.generate())
    command = [
        str(built("replay")), "-listen", f"127.0.0.1:{port}", "-events", str(path), "-dynamodb", dynamodb,
        "-records", str(volume.records_per_shard), "-shards", str(volume.shards), "-batch", str(volume.batch),
        "-mbps", str(volume.mb_per_s), "-first-ms", str(events.START_MS),
    ]  # fmt: skip
    with running(command, directory / "replay.log"):
        wait_for_port(port)
        yield Replay(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def embedded_aws(directory: Path) -> Iterator[str]:
    """Run the embedded AWS and give its URL: the benchmarks use its DynamoDB."""
    port = free_port()
    command = [sys.executable, "-m", "consumers.local.aws", "--port", str(port)]
    with running(command, directory / "aws.log"):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"


def make_bucket(endpoint: str) -> None:
    """Make the bucket of the benchmarks in the embedded AWS."""
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")  # noqa: S310 - our own server
    with urllib.request.urlopen(request):  # noqa: S310 - the same
        pass


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and end it afterwards; its words go to `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | ENVIRONMENT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def built(name: str) -> Path:
    """Build one of the Go programs beside this file, unless nothing changed, and give its path.

    Raises:
        RuntimeError: Go is missing, or the build failed.

    """
    binary = _BINARIES / name
    source = _HERE / name
    newest = max(file.stat().st_mtime for file in source.iterdir())
    if binary.exists() and binary.stat().st_mtime > newest:
        return binary
    go = shutil.which("go")
    if go is None:
        message = f"cannot build {name}: there is no Go compiler; install Go 1.24 or later"
        raise RuntimeError(message)
    result = subprocess.run(
        [go, "build", "-trimpath", "-o", str(binary), "."], cwd=source, capture_output=True, text=True, check=False
    )
    if result.returncode:
        message = f"cannot build {name}: {result.stderr[-2000:]}"
        raise RuntimeError(message)
    return binary


def free_port() -> int:
    """Give a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Wait until a server listens.

    Raises:
        TimeoutError: none does.

    """
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(_POLL_S)
    message = f"no server listens at port {port} after {_READY_S} s; look at its log in the run's directory"
    raise TimeoutError(message)
