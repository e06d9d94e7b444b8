"""Servers that a test starts on loopback, and stops by their process."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
VERSITYGW = Path(os.environ.get("VERSITYGW", ROOT / ".cache" / "bin" / "versitygw"))
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-only", "AWS_DEFAULT_REGION": "us-east-1"}
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running server."""

    endpoint: str
    process: subprocess.Popen[bytes]
    folder: str = ""

    def client(self, service: str):  # type: ignore[no-untyped-def]
        """Connect to one of its services."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, extra: dict[str, str] | None = None) -> Iterator[Server]:
    """Run a server until the block ends."""
    process = subprocess.Popen(command, env={**os.environ, **KEYS, **(extra or {})})
    try:
        _await_port(port, process)
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def embedded_aws() -> Iterator[Server]:
    """Run the project's own embedded AWS (moto)."""
    port = free_port()
    with running([sys.executable, "-m", "consumers.local.aws", "--port", str(port)], port) as server:
        yield server


@contextmanager
def on_disk_s3() -> Iterator[Server]:
    """Run versitygw, a real S3 server on a folder of its own."""
    port = free_port()
    folder = tempfile.mkdtemp()
    try:
        command = [str(VERSITYGW), "--port", f"127.0.0.1:{port}", "--quiet", "posix", folder]
        keys = {"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
        with running(command, port, keys) as server:
            yield replace(server, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            message = f"{process.args!r} ended with {process.returncode}"
            raise RuntimeError(message)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # a server that is not ours to make announce itself
    message = f"{process.args!r} did not listen within {PATIENCE_S:g} s"
    raise RuntimeError(message)
