"""The wheelhouse of a release to upgrade from: the same source with amazon-kclpy's version before, and its JARs.

Whoever takes a new version of amazon-kclpy puts the version before it here: its hash, and the lock of its JARs.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.servers import ROOT

FORMER = "3.1.2"
LOCKS = Path(__file__).with_name("former")
_FILES = ("setup.py", "README.md", "pyproject.toml", "LICENSE", "ansible/wheelhouse.py", "requirements/host.lock")


def former_wheelhouse(folder: Path) -> Path:
    """Make it in a folder, as `make wheelhouse` makes the current one."""
    source, made = folder / "source", folder / "wheelhouse"
    for name in _FILES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for name in ("consumers", "systemd"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(LOCKS / "jars.lock", source / "consumers/kcl/jars.lock")
    lock = source / "requirements/host.lock"
    kclpy = (LOCKS / "kclpy.lock").read_text()
    assert kclpy.startswith(f"amazon-kclpy=={FORMER} ")
    text, found = re.subn(r"(?m)^amazon-kclpy==.* \\\n(?: +--hash=.*\n)+", lambda _match: kclpy, lock.read_text())
    assert found == 1, "the hosts' lock has no amazon-kclpy"
    lock.write_text(text)
    command = [sys.executable, "ansible/wheelhouse.py", str(made)]
    done = subprocess.run(
        command, cwd=source, env={**os.environ, "PYTHONPATH": str(source)}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return made
