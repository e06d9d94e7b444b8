"""The common part of audits of destinations with dead letters: a record is delivered once, or is one letter."""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import field

from consumers.letters.letter import DamagedLetters, Letter, letters_in, unique, unpacked
from consumers.local.account import Kept
from consumers.local.ledger import Entry, Ledger, sha256_of
from consumers.local.matching import Differences, Matching, Place, written
from consumers.local.simulator import Kind


class LetteredVerdict(Differences, kw_only=True):
    """The result of such an audit."""

    dead_letters: int = 0
    misplaced: int = 0
    """Events among the dead letters, and garbage among the delivered records."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Dead letters by reason."""

    @property
    def good(self) -> bool:
        """Whether each event is delivered once, each other record is one dead letter, and there is nothing else."""
        return self.exact and not self.misplaced

    def counts(self) -> list[tuple[str, str]]:
        """Return the rows about dead letters and differences."""
        return [
            ("dead letters", f"{self.dead_letters:,}"),
            *super().counts(),
            ("misplaced", f"{self.misplaced:,}"),
        ]


class LetterAudit:
    """Compares dead letters, and counts faults of what is delivered."""

    def __init__(self, ledger: Ledger, stream: str, verdict: LetteredVerdict) -> None:
        """Expect the entries of ``ledger``, which belong to ``stream``."""
        self._stream = stream
        self._found = verdict
        self._matching = Matching(ledger, verdict)
        self._reasons = Counter[str]()

    def letters(self, letters: Iterable[Letter]) -> None:
        """Compare dead letters, each of another position, with the records that they hold."""
        for letter in letters:
            self._found.dead_letters += 1
            self._reasons[letter.reason] += 1
            place: Place = (letter.shard, *letter.position)
            entry = self._matching.entry(place, "the dead letters", letter.payload)
            if entry is not None:
                self._compare(place, entry, letter)

    def spoil(self, key: str, why: str) -> None:
        """Count dead letters that cannot be read."""
        self.alter(f"{key}: {why}")

    def alter(self, what: str) -> None:
        """Count something that differs from what was put."""
        self._found.altered += 1
        self._found.note(f"altered: {what}")

    def misplace(self, place: Place, what: str) -> None:
        """Count a record that has the wrong outcome."""
        self._found.misplaced += 1
        self._found.note(f"misplaced: {written(place)}: {what}")

    def close(self) -> None:
        """Count the records that were put and never seen."""
        self._matching.finish()
        self._found.reasons = dict(self._reasons.most_common())

    def _compare(self, place: Place, entry: Entry, letter: Letter) -> None:
        if letter.stream != self._stream or entry.partition_key != letter.partition_key:
            self.alter(f"{written(place)} in the dead letters, by stream or partition key")
        elif entry.sha256 != sha256_of(letter.payload):
            self.alter(f"{written(place)} in the dead letters")
        elif entry.kind is not Kind.GARBAGE:
            self.misplace(place, f"an event is a dead letter: {letter.reason}")


def take_letters(audit: LetterAudit, store: Kept, keys: Iterable[str], look_on: Callable[[], None]) -> None:
    """Read objects of dead letters and compare them."""
    letters: list[Letter] = []
    for key in keys:
        look_on()
        try:
            letters += letters_in(unpacked(store.get(key)))
        except DamagedLetters as fault:
            audit.spoil(key, str(fault))
    audit.letters(unique(letters))  # after a crash, a letter may be stored twice
