"""What a simulation runs as it is touches no clock, no randomness, no socket, no thread: the lint holds it to that."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

PURE = sorted(path.parent.name for path in (ROOT / "consumers").glob("*/ruff.toml"))
BANNED = ("import time\n", "from random import choice\n", "import socket\n", "import threading\n", "import boto3\n")


def checked(package: str, source: str) -> str:
    """Lint a source as if it stood in a package."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise"]
    name = ROOT / "consumers" / package / "sample.py"
    done = subprocess.run(
        [*command, "--stdin-filename", str(name), "-"], check=False, input=source, capture_output=True, text=True
    )
    return done.stdout


def test_the_chain_and_the_hours_are_among_them() -> None:
    """These are what is proven by schedules drawn at random."""
    assert {"chain", "concern", "documents", "hours", "objects"} <= set(PURE)


@pytest.mark.parametrize("package", PURE)
@pytest.mark.parametrize("source", BANNED)
def test_the_lint_refuses_it(package: str, source: str) -> None:
    """Each import of the world is named."""
    assert "TID251" in checked(package, source)


@pytest.mark.parametrize("package", PURE)
def test_there_is_no_exception(package: str) -> None:
    """Nothing is excused by a comment."""
    for path in (ROOT / "consumers" / package).rglob("*.py"):
        assert "TID251" not in path.read_text(), path.relative_to(ROOT)


def test_the_others_may() -> None:
    """The negative control: an adapter imports what it adapts."""
    assert checked("s3", "import boto3\n").strip() in {"", "All checks passed!"}
    assert Path(ROOT / "consumers" / "pure.toml").exists()
