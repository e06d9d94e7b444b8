"""The container's recipe, step by step in a plain Debian, and one consumer in what comes of it."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.daemon.audit import expected_of, faults_in
from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage, build
from tests.hosts.host import PLAIN, descendants
from tests.hosts.recipe import Image, built
from tests.support.real_daemon import LIVENESS_S
from tests.support.servers import KEYS, Server

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (PLAIN.parent / ".ready").exists(), reason="make test-hosts makes the plain Debian"),
]
RECORDS = 3000
INSIDE = "/etc/kinesis-fleet/consumer.properties"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """All steps of the recipe, taken."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kinesis-fleet-image-") as folder:
        began = time.monotonic()
        with built(Path(folder)) as made:
            print(f"\nthe recipe's steps took {time.monotonic() - began:.0f} s")
            yield made


def test_a_consumer_in_it_archives_and_drains(image: Image, aws: Server, tmp_path: Path) -> None:
    """As its own user, on a file system that nobody writes to, it stores each record once and drains at SIGTERM."""
    stage: Stage = build(aws, tmp_path, 2)
    file = stage.properties()
    stage.prepare(file)
    at = image.root / INSIDE.lstrip("/")  # a runtime makes what it mounts on, below what is read-only
    at.parent.mkdir(exist_ok=True)
    at.touch()
    (image.root / "nonexistent").mkdir(exist_ok=True)  # nspawn insists on a user's home; a runtime does not
    variables = {name: KEYS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    bound = f"--bind-ro={file}:{INSIDE}"
    command = image.words([*image.entrypoint, *image.command], {**variables, "AWS_REGION": "us-east-1"}, bound)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        with flowing(stage, play(RECORDS)) as flow:
            ledger = flow.all_put()
            stage.await_committed(last_of(ledger))
        (java,) = [pid for pid in descendants(process.pid) if comm(pid) == "java"]
        assert Path(f"/proc/{java}").stat().st_uid == int(image.user)
        os.kill(java, signal.SIGTERM)
        assert process.wait(LIVENESS_S) in {0, 143}
        assert (tmp_path / "log").read_text().count('"drained"') == 2
        assert faults_in(stage, expected_of(ledger)) == []
    except BaseException:
        print((tmp_path / "log").read_text()[-3000:])
        raise
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def comm(pid: int) -> str:
    """Give the name of a process; none where it has gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
