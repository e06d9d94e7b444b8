"""Documents that the server does not take: they are set apart and sent alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consumers.search.batch import Entry

_COMPANY = 6  # failures among others after which a document is sent alone
_MOST = 4  # documents failing alone in a row, with none taken between them: may be the server's state


class Word(NamedTuple):
    """The server's words on a document. `detail` may hold data."""

    kind: str
    said: str
    detail: str


@dataclass(slots=True)
class Doubt:
    """A document that was not taken: how often alone, how often among others, and the server's last words on it."""

    entry: Entry
    word: Word
    alone: int = 0
    company: int = 0

    @property
    def apart(self) -> bool:
        """Whether the document is sent alone, after all others."""
        return self.alone > 0 or self.company >= _COMPANY


class Doubts:
    """The doubtful documents of one batch. The key is the document's action line, as a batch may be made anew."""

    def __init__(self) -> None:
        """Begin without any."""
        self._of: dict[bytes, Doubt] = {}
        self._failed_since_taken = 0

    def begin(self, pending: Sequence[Entry]) -> None:
        """Forget the doubts on documents that are not pending."""
        if self._of:
            here = {_name(entry): entry for entry in pending}
            self._of = {name: doubt for name, doubt in self._of.items() if name in here}
            for name, doubt in self._of.items():
                doubt.entry = here[name]

    def next(self, pending: Sequence[Entry], most_bytes: int) -> Sequence[Entry]:
        """Return the documents to send next: as many as fit, at least one.

        Doubtful documents come last, each alone; the one that failed alone least often comes first.
        """
        if not self._of:
            return _fitting(pending, most_bytes)
        sure = [entry for entry in pending if not self._apart(entry)]
        return _fitting(sure, most_bytes) if sure else [min(pending, key=lambda one: self._of[_name(one)].alone)]

    def alone(self, entry: Entry, word: Word, times: int = 1) -> None:
        """Record that a document was sent alone and not taken. `times` counts it more than once."""
        doubt = self._doubt(entry, word)
        self._failed_since_taken += not doubt.alone
        doubt.alone += times

    def among(self, entry: Entry, word: Word) -> None:
        """Record that a document was not taken while others of the same request were."""
        self._doubt(entry, word).company += 1

    def taken(self, entries: Sequence[Entry]) -> None:
        """Record that the server has settled these documents."""
        self._failed_since_taken = 0
        if self._of and sum(doubt.alone for entry in entries if (doubt := self._of.pop(_name(entry), None))):
            self.forget()  # the cause was the server's state: so it may be for the others

    def forget(self) -> None:
        """Forget all doubts."""
        self._of.clear()
        self._failed_since_taken = 0

    def known(self, pending: Sequence[Entry], tries: int) -> list[Doubt]:
        """List the documents that failed alone at least `tries` times, if no other documents are pending."""
        if not all(self._apart(entry) for entry in pending):
            return []
        return [doubt for doubt in self._of.values() if doubt.alone >= tries]

    @property
    def none(self) -> bool:
        """Whether no document is in doubt."""
        return not self._of

    @property
    def many(self) -> bool:
        """Whether so many failed in a row, with none taken between them, that the server's state may be the cause."""
        return self._failed_since_taken >= _MOST

    def keep(self) -> None:
        """Keep the doubts: the server takes other documents."""
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
