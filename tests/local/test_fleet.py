"""The fleet under a real supervisord: starting, failing, draining, ending at once."""

import configparser
import os
import re
import select
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.local.fleet import Broken, Fleet
from consumers.local.supervisord import Program, configuration
from tests.support.servers import ROOT

ENVIRONMENT = dict(os.environ)
# Tells through a named pipe that it is ready; drains on SIGTERM, while its child ignores it.
DRAINING = """
import os, pathlib, signal, subprocess, sys
child = subprocess.Popen(["sleep", "600"], preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
def drain(number, frame):
    print("drained", child.poll(), flush=True)
    child.kill()
    sys.exit(143)
signal.signal(signal.SIGTERM, drain)
pathlib.Path(sys.argv[1]).write_text(f"{child.pid}")
signal.pause()
"""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Make a directory whose name supervisord's own syntax must not trip over."""
    made = tmp_path / "100% logs"
    made.mkdir()
    return made


@pytest.fixture
def socket() -> Iterator[Path]:
    """Choose a short path for the socket."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        yield Path(directory) / "s"


def script(folder: Path, text: str) -> str:
    """Write a program."""
    file = folder / "script.py"
    file.write_text(text)
    return str(file)


def check_until_broken(fleet: Fleet) -> None:
    """Check again and again: supervisord needs a few seconds to give a program up."""
    while True:
        fleet.check()


def begin_until_broken(fleet: Fleet, name: str) -> None:
    """Start a program, and check again and again."""
    fleet.begin(name)
    check_until_broken(fleet)


def draining(ready: Path) -> Program:
    """Describe a program that drains."""
    os.mkfifo(ready)
    return Program("draining", (sys.executable, script(ready.parent, DRAINING), str(ready)), 20)


def test_stop_reaches_the_program_and_not_its_child(tmp_path: Path, logs: Path, socket: Path) -> None:
    """SIGTERM goes to the program alone: its child lives while it drains. Its exit code is told."""
    program = draining(tmp_path / "ready")
    fleet = Fleet([program], logs, socket)
    fleet.start(ENVIRONMENT)
    try:
        (tmp_path / "ready").read_text()
        fleet.check()
        assert fleet.stop(["draining"]) == {"draining": 143}
        assert fleet.log("draining").read_text() == "drained None\n"
    finally:
        fleet.close()


def test_at_once_kills_the_children_too(tmp_path: Path, logs: Path, socket: Path) -> None:
    """Nothing of a killed program's group is left, and it does not drain."""
    fleet = Fleet([draining(tmp_path / "ready")], logs, socket)
    fleet.start(ENVIRONMENT)
    child = int((tmp_path / "ready").read_text())
    ended = select.poll()
    ended.register(watched := os.pidfd_open(child), select.POLLIN)
    fleet.close(at_once=True)
    assert fleet.log("draining").read_text() == ""
    assert ended.poll(10_000), "the child lives on"
    os.close(watched)


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path, logs: Path, socket: Path) -> None:
    """A refused configuration is told after its one start, and its message is at hand."""
    words = "import sys\nsys.stderr.write('archive.bucket is missing\\n')\nsys.exit(78)\n"
    program = Program("broken", (sys.executable, script(tmp_path, words)), 5, autostart=False)
    fleet = Fleet([program], logs, socket)
    fleet.start(ENVIRONMENT)
    try:
        with pytest.raises(Broken, match="EXITED \\(exit code 78\\)") as caught:
            begin_until_broken(fleet, "broken")
        assert caught.value.tail == ["archive.bucket is missing"]
        assert str(logs) in str(caught.value)
    finally:
        fleet.close()


def test_a_server_that_does_not_stay_up_is_given_up(tmp_path: Path, logs: Path, socket: Path) -> None:
    """It has three starts."""
    words = "import sys\nsys.stderr.write('the port is taken\\n')\nsys.exit(1)\n"
    program = Program("server", (sys.executable, script(tmp_path, words)), 5, settles_s=1)
    fleet = Fleet([program], logs, socket)
    fleet.start(ENVIRONMENT)
    try:
        with pytest.raises(Broken, match="Exited too quickly") as caught:
            check_until_broken(fleet)
        assert caught.value.tail == ["the port is taken"] * 3
    finally:
        fleet.close()


def test_the_documented_section(tmp_path: Path, logs: Path, socket: Path) -> None:
    """Under a real supervisord what was drained or is faulty stays ended; what a restart may mend is started again."""
    page = (ROOT / "docs" / "operations.md").read_text()
    [section] = re.findall(r"```ini\n\[program:s3_archive\]\n(.*?)```", page, re.DOTALL)
    [command] = re.findall(r"(?m)^command = (.*)$", section)
    once, again = (0, 78, 143), (1, 69)
    counting = f"echo x >> {tmp_path}/starts-$1; exit $1"
    programs = [
        f"[program:ends-{code}]\n{section.replace(command, f'/bin/sh -c {chr(39)}{counting}{chr(39)} sh {code}')}\n"
        for code in (*once, *again)
    ]
    conf = configuration([], socket) + "".join(programs)
    fleet = Fleet([], logs, socket)
    fleet.start(ENVIRONMENT, conf)
    try:
        for code in again:
            until = time.monotonic() + 60
            while starts(tmp_path, code) < 3:
                assert time.monotonic() < until
                time.sleep(0.05)  # supervisord tells nobody
        assert [starts(tmp_path, code) for code in once] == [1, 1, 1]
    finally:
        fleet.close()


def starts(folder: Path, code: int) -> int:
    """Count how often the program that ends with this code was started."""
    file = folder / f"starts-{code}"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_no_port_is_opened(socket: Path) -> None:
    """Control is by a unix socket of the user's own; a program keeps its group apart."""
    parsed = configparser.RawConfigParser()
    parsed.read_string(configuration([Program("a", ("x", "y z"), 45)], socket))
    assert not parsed.has_section("inet_http_server")
    assert parsed["unix_http_server"]["chmod"] == "0700"
    program = parsed["program:a"]
    assert program["command"] == "x 'y z'"
    assert (program["stopasgroup"], program["killasgroup"]) == ("false", "true")
    assert (program["stopsignal"], program["stopwaitsecs"]) == ("TERM", "45")
