"""What a played schedule left in the indices and the dead letters, held against what was put."""

import random
from collections import Counter
from collections.abc import Iterator

from consumers.letters.keys import LetterPlace
from consumers.letters.permit import Permit
from consumers.letters.store import DeadLetters
from consumers.parts import Start
from consumers.records import HOUR_MS, Position
from consumers.search.batch import Tally
from consumers.waiting import Patience
from tests.model.fleet import Silent
from tests.model.index import IndexSimulation
from tests.model.index_faults import APPLICATION

Standing = tuple[Counter[str], set[Position]]


def faults(world: IndexSimulation) -> list[str]:
    """Play it, and say what is wrong, each with the invariant's name first."""
    ended = world.run()
    found = [*world.faults, *_faults(world, _standing(world))]
    if not ended:
        return [*found, "blocked: the schedule did not end"]
    return [*found, *_replay_faults(world)]


def _standing(world: IndexSimulation) -> Standing:
    """Read what stands in all indices, and the positions of all dead letters."""
    letters = DeadLetters(world.store, LetterPlace("dead-letters", APPLICATION))
    read = [letter for stored in letters.entries() for letter in letters.read(stored.key) or ()]
    return Counter(world.standing()), {letter.position for letter in read}


def _faults(world: IndexSimulation, standing: Standing) -> Iterator[str]:
    documents, dead = standing
    expected = set[str]()
    for position, fate in world.fates.items():
        expected |= fate.documents
        missing = [one for one in fate.documents if one not in documents]
        if missing and not (position in dead and fate.dead):
            yield f"lost: {missing}"
        if fate.dead and position not in dead and not world.mends:
            yield f"lost: {position} is no dead letter"
        if not fate.dead and position in dead:
            yield f"buried: {position} is a dead letter, and has no fault"
    yield from (f"doubled: {one}" for one, count in documents.items() if count > 1)
    if not world.mends:
        yield from (f"unexpected: {one}" for one in documents if one not in expected)


def _replay_faults(world: IndexSimulation) -> Iterator[str]:
    """Deliver everything again from the beginning: nothing may change, and the tally must say why."""
    before = _standing(world)
    patience = Patience(_never, lambda: 0.0, Silent(), jitter=random.Random(world.seed))
    pipeline = world.pipeline(world.server, world.store, "c-%H", Start(None, "TRIM_HORIZON"), patience)
    indexer = world.indexers[-1]
    Permit(world.store, APPLICATION).grant(HOUR_MS)
    pipeline.offer(world.shard.records, 0.0)
    pipeline.end(0.0)
    if not world.mends:
        if _standing(world) != before:
            yield "replay: it changed what stands"
        fates = world.fates.values()
        dead, done = sum(fate.dead for fate in fates), sum(bool(fate.documents) and not fate.dead for fate in fates)
        wanted = Tally(len(fates), 0, done, dead, len(fates) - dead - done)
        if indexer.tally != wanted:
            yield f"replay: the tally is {indexer.tally}, and should be {wanted}"


def _never(_seconds: float) -> None:
    message = "a replay without faults has nothing to wait for"
    raise AssertionError(message)
