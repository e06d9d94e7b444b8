"""What a loader needs of the database, whichever driver it uses, and how a load can end."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from consumers.redshift.transaction import Step
from consumers.waiting import Unavailable


class Away(Unavailable):
    """The database is away or refuses the connection. Nothing was changed."""


class Conflict(Unavailable):
    """Another transaction was in the way (1023, a deadlock, its lock). Nothing was changed."""


class Unsure(Unavailable):
    """The answer to COMMIT was lost. Only the ledger, read under the lock, tells whether it was committed."""


class Taken(Exception):
    """Some of the objects are in the ledger already. Nothing was changed."""


class TooSlow(Exception):
    """COPY took longer than it may. Nothing was changed."""


class Refused(Exception):
    """COPY refused the objects. Nothing was changed. The message is a code and the error's own words."""


class LoadError(NamedTuple):
    """An error of COPY as the database stores it, without the data. `key` is the object's."""

    key: str
    line: int
    column: str
    code: int
    message: str

    def __str__(self) -> str:
        """Return the error as one line."""
        return f"line {self.line}, column {self.column or 'unknown'}: {self.message} (code {self.code})"


class Database(Protocol):
    """A database. Each call may raise `Away` or `Conflict`."""

    def transact(self, steps: Sequence[Step], token: str) -> None:
        """Run the steps and commit. `token` names the attempt: the same token never runs twice.

        Raises:
            Taken: the step `taken` had an unexpected result.
            Refused: the step `copy` or `count` failed.
            TooSlow: the step `copy` took too long.
            Unsure: the transaction may have been committed.
        """

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...

    def alter(self, statement: str) -> None:
        """Run a statement that must stand alone and commits by itself.

        Raises:
            Refused: the database refuses it.
        """

    def close(self) -> None:
        """Close the connection."""
