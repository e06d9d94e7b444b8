"""Changes that are refused for ever, as through a cache that shows what no longer stands: they come to an end."""

from collections.abc import Callable

import pytest

from consumers.chain.store import MOST_ROUNDS
from consumers.letters.permit import Permit
from consumers.letters.starts import Starts
from consumers.letters.store import DeadLetters
from consumers.search.names import IndexNames
from consumers.waiting import Unavailable
from tests.letters.sample import PLACE, letter
from tests.memory_store import MemoryStore


class Refusing(MemoryStore):
    """Refuses each change once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0
        self.refuses = False

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        if self.refuses:
            self.refusals += 1
            return None
        return super().swap(key, body, version)


def remove(store: Refusing) -> None:
    letters = DeadLetters(store, PLACE)
    letters.put([letter(1)])
    (entry,) = letters.entries()
    letters.remove(entry.key)


CHANGES: dict[str, Callable[[Refusing], object]] = {
    "permit": lambda store: Permit(store, "app").grant(1000),
    "starts": lambda store: Starts(store, "app", "s", "sh").begin("TRIM_HORIZON"),
    "letters": remove,
    "names": lambda store: IndexNames(store, "app", "changed-%Y").learn({1}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_always_refused(change: str) -> None:
    """It ends with an alarm that says what to look at, instead of going round without a pause."""
    store = Refusing()
    IndexNames(store, "app", "events-%Y").learn({1})
    store.refuses = True
    with pytest.raises(Unavailable) as fault:
        CHANGES[change](store)
    assert fault.value.operator
    assert store.refusals == MOST_ROUNDS
