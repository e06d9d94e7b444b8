"""The interface of a destination in a demonstration: its properties, its server, and its audit. One file for each."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from consumers.local.account import Account
from consumers.local.ledger import Ledger
from consumers.local.plan import Plan

Look = Callable[[str], None]
"""Shows the phase. Raises if the user has asked to stop."""


class Figures(NamedTuple):
    """A table of names and figures for people."""

    title: str
    rows: Sequence[tuple[str, str]]


class Verdict(Protocol):
    """The result of an audit: a struct, which ``--json`` prints as it is."""

    @property
    def good(self) -> bool:
        """Whether the destination holds each record once, unaltered, and nothing else."""
        ...

    @property
    def faults(self) -> list[str]:
        """Some places where it differs. They never contain a record's data."""
        ...

    def figures(self) -> Iterable[Figures]:
        """Return the tables for people."""
        ...


class Server(NamedTuple):
    """A program that others need. Once it answers, it writes its endpoint to a named pipe.

    ``module`` is run with ``--ready-file PIPE``, and with ``--home FOLDER`` if ``keeps_files``. A server that
    ``reads_s3`` starts once AWS answers, with ``--s3-endpoint-file FILE``.
    """

    name: str
    module: str
    title: str
    keeps_files: bool = False
    reads_s3: bool = False


class Site(NamedTuple):
    """The place of a run. ``server`` is the endpoint of the sink's server, if it has one."""

    plan: Plan
    account: Account
    server: str


class Sink(Protocol):
    """A destination with its consumer. To add one, write a file and add a line to ``sinks``."""

    @property
    def name(self) -> str:
        """The name of its consumer, and of its daemon among the programs."""
        ...

    @property
    def place(self) -> str:
        """The destination in words, such as "the archive"."""
        ...

    @property
    def done(self) -> str:
        """The word for records that it has finished, such as "archived"."""
        ...

    @property
    def claim(self) -> str:
        """What holds for every record put if the verdict is good."""
        ...

    @property
    def server(self) -> Server | None:
        """The server that it needs besides AWS. Only an embedded run has one."""
        ...

    @property
    def commands(self) -> Sequence[str]:
        """The subcommands to run with its properties file before the daemon starts."""
        ...

    @property
    def companion(self) -> str:
        """The subcommand that runs beside the daemon, with the same file; empty if there is none."""
        ...

    @property
    def conclusion(self) -> str:
        """The subcommand to run once the daemon has drained; empty if there is none."""
        ...

    def lacks(self) -> str:
        """Return what this machine lacks to run it, and the remedy; empty if it lacks nothing."""
        ...

    def keys(self, plan: Plan, server: str) -> dict[str, object]:
        """Return its own properties, for a server at this endpoint."""
        ...

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> Verdict:
        """Compare its content with the ledger. ``keep`` is a folder for copies of its stored data."""
        ...
