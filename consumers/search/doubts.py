"""Which documents the server does not take, though it may take others: each is set apart, and sent alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consumers.search.batch import Entry

_COMPANY = 6  # so often not taken among others, a document is sent alone
_MOST = 4  # documents that fail alone in a row, with none taken between them, may be the server's state


class Word(NamedTuple):
    """What was said of a document. `detail` may hold data."""

    kind: str
    said: str
    detail: str


@dataclass(slots=True)
class Doubt:
    """A document that was not taken: so often alone, and so often among others; and what was said of it last."""

    entry: Entry
    word: Word
    alone: int = 0
    company: int = 0

    @property
    def apart(self) -> bool:
        """Whether it is sent alone, after all others."""
        return self.alone > 0 or self.company >= _COMPANY


class Doubts:
    """Those of one batch at a time. A document is known by its action line: a batch may be made anew."""

    def __init__(self) -> None:
        """Begin without any."""
        self._of: dict[bytes, Doubt] = {}
        self._failed_since_taken = 0

    def begin(self, pending: Sequence[Entry]) -> None:
        """Forget all but those of these documents."""
        if self._of:
            here = {_name(entry): entry for entry in pending}
            self._of = {name: doubt for name, doubt in self._of.items() if name in here}
            for name, doubt in self._of.items():
                doubt.entry = here[name]

    def next(self, pending: Sequence[Entry], most_bytes: int) -> Sequence[Entry]:
        """Give what to send next: as many as fit, and one at least; one alone of those in doubt, where no other is."""
        if not self._of:
            return _fitting(pending, most_bytes)
        sure = [entry for entry in pending if not self._apart(entry)]
        return _fitting(sure, most_bytes) if sure else [min(pending, key=lambda one: self._of[_name(one)].alone)]

    def alone(self, entry: Entry, word: Word, times: int = 1) -> None:
        """Take note that a document was sent alone and not taken; `times` counts more than one try."""
        doubt = self._doubt(entry, word)
        self._failed_since_taken += not doubt.alone
        doubt.alone += times

    def among(self, entry: Entry, word: Word) -> None:
        """Take note that a document was not taken, and others of the same request were."""
        self._doubt(entry, word).company += 1

    def taken(self, entries: Sequence[Entry]) -> None:
        """Take note that the server has settled these."""
        self._failed_since_taken = 0
        if self._of and sum(doubt.alone for entry in entries if (doubt := self._of.pop(_name(entry), None))):
            self.forget()  # it was the server's state, and so may the others' be

    def forget(self) -> None:
        """Doubt none."""
        self._of.clear()
        self._failed_since_taken = 0

    def known(self, pending: Sequence[Entry], tries: int) -> list[Doubt]:
        """Give those that failed alone so often, where nothing else is left to be sent."""
        if not all(self._apart(entry) for entry in pending):
            return []
        return [doubt for doubt in self._of.values() if doubt.alone >= tries]

    @property
    def none(self) -> bool:
        """Whether no document is in doubt."""
        return not self._of

    @property
    def many(self) -> bool:
        """Whether so many failed in a row, with none taken between them, that it may be the server's state."""
        return self._failed_since_taken >= _MOST

    def keep(self) -> None:
        """Take note that the server takes others all the same."""
        self._failed_since_taken = 0

    def _doubt(self, entry: Entry, word: Word) -> Doubt:
        doubt = self._of.setdefault(_name(entry), Doubt(entry, word))
        doubt.word = word
        return doubt

    def _apart(self, entry: Entry) -> bool:
        doubt = self._of.get(_name(entry))
        return doubt is not None and doubt.apart


def _name(entry: Entry) -> bytes:
    return entry.lines[: entry.lines.index(b"\n")]


def _fitting(entries: Sequence[Entry], most_bytes: int) -> Sequence[Entry]:
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.lines)
        if size > most_bytes and count:
            return entries[:count]
    return entries
