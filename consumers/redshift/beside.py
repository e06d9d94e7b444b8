"""The dead letters that are stored beside a staged object. The writer, its successors and the loader read them."""

from consumers.chain.link import Link
from consumers.chain.store import ObjectStore
from consumers.letters.letter import DamagedLetters, Letter, letters_in, unpacked
from consumers.redshift.stage_writer import LETTERS, letters_key

REMEDY = "restore its former version: it holds records that are nowhere else in the staging area"


class LettersGone(ValueError):
    """The letters should be there, and are missing or damaged. `key` is their key."""

    def __init__(self, key: str, why: str) -> None:
        """Store the key, and why."""
        super().__init__(f"{key} {why}")
        self.key = key


def letters_beside(store: ObjectStore, key: str, link: Link) -> list[Letter]:
    """Read the letters beside an object. The list is empty if all of its records are rows.

    Raises:
        LettersGone: the letters should be there, and are missing or damaged.
        Unavailable: the bucket did not answer.
    """
    digest = link.notes.get(LETTERS)
    if not digest:
        return []
    where = letters_key(key, digest)
    found = store.find(where)
    if found is None:
        raise LettersGone(where, "is gone: somebody deletes objects of the staging area")
    try:
        return letters_in(unpacked(found.body))
    except DamagedLetters as fault:
        raise LettersGone(where, str(fault)) from fault
