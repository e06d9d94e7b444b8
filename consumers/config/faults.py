"""The faults of a configuration, listed all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EX_CONFIG = 78


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``line`` is 1-based, or 0 if no line has the key."""

    key: str
    problem: str
    remedy: str
    line: int = 0

    def render(self, path: Path) -> str:
        """Return one line for an operator: place, key, problem and remedy."""
        where = f"{path}:{self.line}" if self.line else str(path)
        subject = f"{self.key}: " if self.key else ""
        return f"{where}: {subject}{self.problem}. {self.remedy}"


class Faults(Exception):
    """A configuration that must not start, with all its faults.

    ``exit_code`` is sysexits' EX_CONFIG: a process manager must not retry it in a loop.
    """

    exit_code = EX_CONFIG

    def __init__(self, path: Path, faults: Iterable[Fault]) -> None:
        self.path = path
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.line, fault.key)))
        super().__init__("\n".join(fault.render(path) for fault in self.faults))
