"""Empties objects of dead letters that were redriven or are not wanted.

An object is emptied only after the letters that remain of it stand elsewhere. An interruption leaves duplicates, and
never loses a letter.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from consumers.config.consumer import Redrive
from consumers.letters.keys import Stored
from consumers.letters.letter import KILLS_PROCESS, TOO_SLOW, Letter, StillUnreadable, unique
from consumers.letters.reading import Reader, Selection
from consumers.letters.store import DeadLetters
from consumers.records import Record

Tell = Callable[[Stored], None]


@dataclass(slots=True)
class Tally:
    """What was done, in stored letters: duplicates count as often as they stand."""

    objects: int = 0
    passed: int = 0
    again: int = 0
    removed: int = 0


def redriven(selection: Selection, stream: str, letter: Letter) -> bool:
    """Return whether a letter is to be redriven.

    A letter of another stream is not. One whose record ends the process is only if its reason was chosen.
    """
    safe = letter.reason not in {KILLS_PROCESS, TOO_SLOW} or letter.reason in selection.reasons
    return safe and letter.stream == stream and selection.holds(letter)


class Clearing:
    """Goes through objects, one hour at a time, so that it does not meet those that it has put itself."""

    def __init__(self, letters: DeadLetters, reader: Reader, entries: Iterable[Stored], tell: Tell) -> None:
        """Choose the objects. `tell` is called with each before it is read."""
        self._letters = letters
        self._reader = reader
        self._entries = entries
        self._tell = tell
        self.tally = Tally()

    def redrive(self, redrive: Redrive, wanted: Callable[[Letter], bool]) -> None:
        """Redrive the wanted letters, and keep those that are rejected again, and all others.

        If it raises, the object in hand stays as it was. `tally` holds what was done before.
        """
        for stored, chosen, rest in self._chosen(self._entries, wanted):
            records, again = _read(chosen)
            if records:
                again += redrive(stored.shard, records)
            self._letters.replace(stored.key, (*rest, *again))
            self.tally.objects += 1
            self.tally.passed += len(chosen) - len(again)
            self.tally.again += len(again)

    def purge(self, selection: Selection) -> None:
        """Remove the selected letters. An object that is removed whole is not read, so a damaged one goes too."""
        whole = not (selection.reasons or selection.positions)
        if whole:
            for hour in self._hours(self._entries):
                for stored in filter(selection.may_hold, hour):
                    self._tell(stored)
                    self._letters.remove(stored.key)
                    self.tally.objects += 1
            return
        entries = filter(selection.may_hold, self._entries)
        for stored, chosen, rest in self._chosen(entries, selection.holds):
            self._letters.replace(stored.key, rest)
            self.tally.objects += 1
            self.tally.removed += len(chosen)

    def _chosen(
        self, entries: Iterable[Stored], wanted: Callable[[Letter], bool]
    ) -> Iterator[tuple[Stored, list[Letter], list[Letter]]]:
        for hour in self._hours(entries):
            # The latest version of each position decides for all its duplicates, wherever in the hour they stand.
            places = {letter.place for letter in Reader(self._letters).distinct(hour) if wanted(letter)}
            for stored, letters in self._reader.objects(self._told(hour)):
                chosen = [letter for letter in unique(letters) if letter.place in places]
                if chosen:
                    yield stored, chosen, [letter for letter in letters if letter.place not in places]

    def _told(self, entries: Iterable[Stored]) -> Iterator[Stored]:
        for stored in entries:
            self._tell(stored)
            yield stored

    @staticmethod
    def _hours(entries: Iterable[Stored]) -> Iterator[Sequence[Stored]]:
        for _, hour in groupby(entries, lambda stored: stored.hour_ms):
            yield list(hour)


def _read(letters: Iterable[Letter]) -> tuple[list[Record], list[Letter]]:
    """Return the records of letters, and the letters that cannot be read."""
    records, unreadable = [], []
    for letter in letters:
        try:
            records.append(letter.record())
        except StillUnreadable:
            unreadable.append(letter)
    return records, unreadable
