"""State that somebody has damaged parks a shard, whatever the damage is."""

import pytest

from consumers.chain.origin import recall
from consumers.hours.manifest import Note
from consumers.hours.stored import decoded
from consumers.letters.letter import DamagedLetters, letters_in
from consumers.waiting import Parked
from tests.memory_store import MemoryStore

DAMAGED = [b"", b"{", b"[]", b'{"format":1}', b'{"format":"\xff"}', b'{"unknown":' + b"[" * 5_000]


@pytest.mark.parametrize("body", DAMAGED)
def test_whatever_the_damage(body: bytes) -> None:
    """A byte that is no UTF-8, or brackets without end, are damage as any other: nothing of them ends the process."""
    with pytest.raises(Parked):
        decoded(body, Note, "key", "restore it")
    store = MemoryStore()
    store.objects["key"] = (body, {})
    with pytest.raises(Parked):
        recall(store, "key")
    if body:
        with pytest.raises(DamagedLetters):
            letters_in(body)
