"""Loads what it can of a batch that COPY refuses: objects that the database names are set apart, the rest is halved."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumers.redshift.database import LoadError, Refused, TooSlow
from consumers.redshift.staged import Staged
from consumers.waiting import Unavailable

MOST_FAILURES = 12
"""Refusals in a row, with nothing loaded between them, that prove a common cause: ten halve a thousand objects."""


class Suspect(NamedTuple):
    """An object that COPY refuses alone, why, and whether the database itself named it."""

    staged: Staged
    why: str
    named: bool


@dataclass(slots=True)
class Isolation:
    """The loading of one batch, and the result for each object.

    `load` loads all or nothing. `errors` returns the database's errors of these objects, `gone` the keys of those that
    no longer exist. `bad` are objects that COPY refuses alone, and `slow` those whose COPY does not end in time.
    """

    load: Callable[[Sequence[Staged]], None]
    errors: Callable[[Sequence[Staged]], list[LoadError]]
    gone: Callable[[Sequence[Staged]], Collection[str]]
    loaded: list[Staged] = field(default_factory=list)
    missing: list[Staged] = field(default_factory=list)
    bad: list[Suspect] = field(default_factory=list)
    slow: list[Staged] = field(default_factory=list)
    _failures: int = 0

    @property
    def settled(self) -> set[str]:
        """The keys of the objects whose result is known."""
        known = (*self.loaded, *self.missing, *self.slow, *(one.staged for one in self.bad))
        return {staged.key for staged in known}

    def run(self, objects: Sequence[Staged]) -> None:
        """Load what can be loaded.

        Raises:
            Unavailable: the database is away, or refuses everything.
            Taken: another loader was first; the results so far are kept.
        """
        if not objects:
            return
        try:
            self.load(objects)
        except Refused as fault:
            self._refused(objects, fault)
        except TooSlow:
            if len(objects) == 1:
                self.slow += objects
            else:
                self._halve(objects)
        else:
            self.loaded += objects
            self._failures = 0

    def _refused(self, objects: Sequence[Staged], fault: Refused) -> None:
        gone = self.gone(objects)
        if gone:
            self.missing += [one for one in objects if one.key in gone]
            self.run([one for one in objects if one.key not in gone])
            return
        errors = {error.key: error for error in reversed(self.errors(objects))}
        if len(objects) == 1:
            error = errors.get(objects[0].key)
            self.bad.append(Suspect(objects[0], str(error) if error else str(fault), error is not None))
            self._failures += 1
            return
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            reason = f"COPY refused {self._failures} loads in a row, the last of {len(objects)} objects: {fault}"
            remedy = "mend the cause, as redshift.iamRole, the table, or the bucket's policy: it is tried again"
            raise Unavailable(reason, remedy, operator=True)
        named = [one for one in objects if one.key in errors]
        if not named or len(named) == len(objects):
            self._halve(objects)
            return
        self.run([one for one in objects if one.key not in errors])
        for one in named:
            self.run([one])

    def _halve(self, objects: Sequence[Staged]) -> None:
        half = len(objects) // 2
        self.run(objects[:half])
        self.run(objects[half:])
