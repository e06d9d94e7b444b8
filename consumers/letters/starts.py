"""How often a shard began at one place in a row, and which records were proven to end the process or stop it there.

A process that dies of a record begins again before it, at the same checkpoint, and dies again. Many beginnings at one
place are a reason to be careful, and never more: an idle shard begins at one place too, and so does one whose host
reboots. A record is condemned only by the deaths of a subprocess that tried it alone (`consumers.letters.killer`).
"""

from collections.abc import Callable, Mapping

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore, Rounds
from consumers.hours.stored import decoded
from consumers.letters.letter import KILLS_PROCESS
from consumers.pipeline import Start
from consumers.records import Position

CAREFUL_FROM = 3
MOST_CONDEMNED = 16
_REMEDY = "delete it: the beginnings are counted anew, and a record that ends the process is looked for again"


class Condemned(msgspec.Struct, frozen=True, rename="camel"):
    """A record that ended each process that tried it alone; how, such as SIGSEGV; and the reason of its letter."""

    sequence: str
    sub: int
    deaths: tuple[str, ...]
    reason: str = KILLS_PROCESS

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(int(self.sequence), self.sub)


class StartState(msgspec.Struct, frozen=True, rename="camel"):
    """What is durable of a shard's beginnings.

    `starts` is how often in a row it began at `start`. `trying` is the record that was about to be tried alone: for
    people to see, and no evidence, since a host can stop at any time.
    """

    shard: str
    start: str
    starts: int
    condemned: tuple[Condemned, ...] = ()
    trying: str | None = None

    @property
    def careful(self) -> bool:
        """Whether each record is tried in a subprocess first."""
        return self.starts >= CAREFUL_FROM

    @property
    def positions(self) -> frozenset[Position]:
        """The positions of the condemned."""
        return frozenset(self.reasons)

    @property
    def reasons(self) -> Mapping[Position, str]:
        """The positions of the condemned, and what each is condemned for."""
        return {one.position: one.reason for one in self.condemned}


def start_text(start: Start) -> str:
    """Name the place where a shard begins: a checkpoint, or an initial position by its name."""
    return str(start.checkpoint) if start.checkpoint else start.initial or ""


def begun(state: StartState | None, shard: str, start: str) -> StartState:
    """Count one more beginning. Pure. Another place counts anew, and forgets the condemned that lie behind it."""
    if state is None:
        return StartState(shard, start, 1)
    if state.start == start:
        return msgspec.structs.replace(state, starts=state.starts + 1)
    return StartState(shard, start, 1, tuple(one for one in state.condemned if _ahead(one.position, start)))


def condemning(state: StartState, position: Position, deaths: tuple[str, ...], reason: str) -> StartState:
    """Add a record to the condemned, with the evidence. Pure."""
    if position in state.reasons:
        return msgspec.structs.replace(state, trying=None)
    one = Condemned(str(position.sequence), position.sub, deaths, reason)
    return msgspec.structs.replace(state, condemned=(*state.condemned, one), trying=None)


class Starts:
    """One shard's state, an object in the bucket of the dead letters. Each call may raise `Unavailable`."""

    def __init__(self, store: ObjectStore, application: str, stream: str, shard: str) -> None:
        """Say whose. `stream` is its name."""
        self._store = store
        self._shard = shard
        self._key = f"{STATE_PREFIX}/{application}/starts/{stream}.{shard}.json"

    def begin(self, start: str) -> StartState:
        """Count a beginning at this place, and say what is known of it."""
        return self._change(lambda state: begun(state, self._shard, start))

    def mark(self, position: Position) -> None:
        """Make durable that this record is about to be tried alone."""
        self._change(lambda state: msgspec.structs.replace(self._or_new(state), trying=str(position)))

    def clear(self) -> None:
        """Make durable that none is being tried."""
        self._change(lambda state: msgspec.structs.replace(self._or_new(state), trying=None))

    def condemn(self, position: Position, deaths: tuple[str, ...], reason: str = KILLS_PROCESS) -> StartState:
        """Make durable that this record ends the process, with how it did, and what it is condemned for.

        Raises:
            ValueError: there is no evidence.

        """
        if not deaths:
            message = f"nothing died of {position}"
            raise ValueError(message)
        return self._change(lambda state: condemning(self._or_new(state), position, deaths, reason))

    def _or_new(self, state: StartState | None) -> StartState:
        return state or StartState(self._shard, "", 0)  # somebody has deleted it

    def _change(self, change: Callable[[StartState | None], StartState]) -> StartState:
        rounds = Rounds(self._key)
        while True:
            rounds.another()
            standing = self._store.find(self._key)
            state = decoded(standing.body, StartState, self._key, _REMEDY) if standing else None
            changed = change(state)
            if changed == state:
                return changed
            body = msgspec.json.encode(changed)
            if self._store.swap(self._key, body, standing.version if standing else None):
                return changed


def _ahead(position: Position, start: str) -> bool:
    try:
        return position > Position.parse(start)
    except ValueError:  # an initial position by its name: anything may come again
        return True
