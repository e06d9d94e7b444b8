"""The JDKs of this machine: the newer search servers need a later Java than KCL does."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path


def jdk(least: int) -> Path | None:
    """Find the home of a JDK of Java `least` or later: JAVA21_HOME, JAVA_HOME, that of PATH, or an installed one."""
    return next((home for home in _homes() if _version(home) >= least and (home / "bin" / "javac").exists()), None)


def _homes() -> Iterator[Path]:
    yield from (Path(home) for name in ("JAVA21_HOME", "JAVA_HOME") if (home := os.environ.get(name)))
    if java := shutil.which("java"):
        yield Path(java).resolve().parents[1]
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def _version(home: Path) -> int:
    try:
        found = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0
