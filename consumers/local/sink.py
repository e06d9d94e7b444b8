"""What a demonstration asks of a destination: its properties, its server, and its audit. One file for each."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from consumers.local.account import Account
from consumers.local.ledger import Ledger
from consumers.local.plan import Plan

Look = Callable[[str], None]
"""Shows the phase; raises when the user has asked for the end."""


class Figures(NamedTuple):
    """A table of names and figures for people."""

    title: str
    rows: Sequence[tuple[str, str]]


class Verdict(Protocol):
    """What an audit found: a struct, which ``--json`` prints as it is."""

    @property
    def good(self) -> bool:
        """Whether the destination holds what was put, once, and nothing else."""
        ...

    @property
    def faults(self) -> list[str]:
        """Some places where it differs; never a record's data."""
        ...

    def figures(self) -> Iterable[Figures]:
        """Give what a person reads."""
        ...


class Server(NamedTuple):
    """A program that others need, which tells its endpoint through a named pipe once it answers.

    ``module`` is run with ``--ready-file PIPE``, and with ``--home FOLDER`` if ``keeps_files``. One that ``reads_s3``
    starts once AWS answers, with ``--s3-endpoint-file FILE``.
    """

    name: str
    module: str
    title: str
    keeps_files: bool = False
    reads_s3: bool = False


class Site(NamedTuple):
    """Where a run took place. ``server`` is the endpoint of the sink's server, if it has one."""

    plan: Plan
    account: Account
    server: str


class Sink(Protocol):
    """A destination with its consumer. Another one is one more file, and a line in ``sinks``."""

    @property
    def name(self) -> str:
        """Its consumer's name, which is also its daemon's among the programs."""
        ...

    @property
    def place(self) -> str:
        """What holds the records: "the archive"."""
        ...

    @property
    def done(self) -> str:
        """What is said of the records that it is through with: "archived"."""
        ...

    @property
    def claim(self) -> str:
        """What is true of every record put if the verdict is good."""
        ...

    @property
    def server(self) -> Server | None:
        """The server that it needs besides AWS, which only an embedded run has."""
        ...

    @property
    def commands(self) -> Sequence[str]:
        """Our subcommands that its properties file goes through before the daemon starts."""
        ...

    @property
    def companion(self) -> str:
        """Our subcommand that runs beside the daemon, with the same file; empty where none does."""
        ...

    @property
    def conclusion(self) -> str:
        """Our subcommand that is run once the daemon has drained; empty where all is done by then."""
        ...

    def lacks(self) -> str:
        """Say what this machine lacks to run it, and what to do; nothing if it can."""
        ...

    def keys(self, plan: Plan, server: str) -> dict[str, object]:
        """Give the properties of its own, for a server at this endpoint."""
        ...

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> Verdict:
        """Compare what it holds with the ledger. ``keep`` is a folder for copies of what it stores."""
        ...
