"""What a loader needs of the database, whichever way it is reached, and how a load can end."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from consumers.redshift.transaction import Step
from consumers.waiting import Unavailable


class Away(Unavailable):
    """The database is not there, or refuses to talk: nothing was changed."""


class Conflict(Unavailable):
    """Another transaction was in the way (1023, a deadlock, its lock): nothing was changed."""


class Unsure(Unavailable):
    """The answer to COMMIT was lost: only the ledger, read under the lock, says what became of it."""


class Taken(Exception):
    """Some of the objects are in the ledger already: nothing was changed."""


class TooSlow(Exception):
    """COPY took longer than it may: nothing was changed."""


class Refused(Exception):
    """COPY did not take the objects: nothing was changed. The message is a code and the error's own words."""


class LoadError(NamedTuple):
    """What the database keeps of an error of COPY, without the data. `key` is of the object."""

    key: str
    line: int
    column: str
    code: int
    message: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"line {self.line}, column {self.column or 'unknown'}: {self.message} (code {self.code})"


class Database(Protocol):
    """One database. Each call may raise `Away` or `Conflict`."""

    def transact(self, steps: Sequence[Step], token: str) -> None:
        """Run the steps and commit. `token` names the attempt: the same one is never run twice.

        Raises:
            Taken: the step `taken` answered otherwise than expected.
            Refused: the step `copy` or `count` failed.
            TooSlow: the step `copy` took too long.
            Unsure: the transaction may have been committed.

        """

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Give a query's rows."""
        ...

    def alter(self, statement: str) -> None:
        """Run a statement that has to stand alone, and is committed by itself.

        Raises:
            Refused: the database does not take it.

        """

    def close(self) -> None:
        """Let go of it."""
