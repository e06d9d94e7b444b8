"""A process that hangs says where and ends; one that is idle, or waits for a destination, does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.alive import EX_STUCK
from tests.support.servers import ROOT

COMMON = """
import time
from consumers import alive
from consumers.logs import configure, logger
configure("info")
alive.watch(0.8, logger())

def hangs_in_here():
    time.sleep(30)
"""


def run(body: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that is watched."""
    return subprocess.run(
        [sys.executable, "-c", COMMON + body], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )


def test_stuck() -> None:
    """It says where it hangs, twice, without any data, and ends with 75."""
    done = run("with alive.busy():\n    hangs_in_here()\n")
    assert done.returncode == EX_STUCK
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["stuck", "stuck"]
    assert all(any("hangs_in_here" in one for one in line["where"]) for line in lines)


def test_held_up_by_a_library(tmp_path: Path) -> None:
    """A process whose interpreter is never given back is ended too, with its stack on stderr."""
    (tmp_path / "hold.c").write_text("#include <unistd.h>\nint hold(void) { sleep(30); return 0; }\n")
    library = tmp_path / "hold.so"
    try:
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "hold.c"], check=True)
    except FileNotFoundError:
        pytest.skip("needs gcc, for a library that holds the interpreter up")
    done = run(f"import ctypes\nhold = ctypes.PyDLL({str(library)!r})\nwith alive.busy():\n    hold.hold()\n")
    assert done.returncode == 1
    assert "Timeout" in done.stderr


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(2)\n",
        "with alive.busy():\n    for _ in range(20):\n        time.sleep(0.1)\n        alive.beat()\n",
        "for _ in range(20):\n    with alive.busy():\n        time.sleep(0.1)\n",
        "with alive.busy():\n    alive.beat(2)\n    time.sleep(2)\n",
    ],
    ids=["idle", "waits_for_a_destination", "works", "waits_in_a_call_with_a_time_out"],
)
def test_not_stuck(body: str) -> None:
    """A quiet stream, a wait with tries, a call that ends by itself, and short deliveries are no hang."""
    done = run(body)
    assert (done.returncode, done.stderr) == (0, "")


CONNECTED = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()
def trickle():
    for _ in range(20):
        {moves}
        time.sleep(0.1)
    {ends}
threading.Thread(target=trickle, daemon=True).start()
with alive.busy():
    {waits}
"""


@pytest.mark.parametrize(
    ("moves", "ends", "waits"),
    [
        (
            "far.recv(65536)",
            "far.close(); near.close()",
            "\n    try: near.sendall(bytes(64 << 20))\n    except OSError: pass",
        ),
        ("far.sendall(b'.')", "far.close()", "\n    while near.recv(1 << 20, socket.MSG_WAITALL): pass"),
    ],
    ids=["request", "answer"],
)
def test_bytes_that_move_are_a_sign_of_life(moves: str, ends: str, waits: str) -> None:
    """A destination that is slow holds one call up for as long as it likes."""
    done = run(CONNECTED.format(moves=moves, ends=ends, waits=waits))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_connection_on_which_nothing_moves_is_none() -> None:
    """It hangs in a call that has no time-out of its own."""
    done = run(CONNECTED.format(moves="pass", ends="pass", waits="near.recv(1)"))
    assert done.returncode == EX_STUCK
