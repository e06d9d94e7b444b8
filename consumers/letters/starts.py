"""Counts how often a shard began at one place in a row, and keeps which records were proven to end the process.

A process that dies of a record begins again before it, at the same checkpoint, and dies again. Many starts at one place
are a reason to be careful, and no more: an idle shard starts at one place too, and so does one whose host reboots. A
record is condemned only by the deaths of subprocesses that tried it alone (`consumers.letters.killer`).
"""

from collections.abc import Callable, Mapping

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore, Rounds
from consumers.hours.stored import decoded
from consumers.letters.letter import KILLS_PROCESS
from consumers.parts import Start
from consumers.records import Position

CAREFUL_FROM = 3
MOST_CONDEMNED = 16
_REMEDY = "delete it: the beginnings are counted anew, and a record that ends the process is looked for again"


class Condemned(msgspec.Struct, frozen=True, rename="camel"):
    """A record that ended each process that tried it alone, how it did so, such as SIGSEGV, and its letter's reason."""

    sequence: str
    sub: int
    deaths: tuple[str, ...]
    reason: str = KILLS_PROCESS

    @property
    def position(self) -> Position:
        """The record's position."""
        return Position(int(self.sequence), self.sub)


class StartState(msgspec.Struct, frozen=True, rename="camel"):
    """The durable state of a shard's starts.

    `starts` is how often in a row the shard began at `start`. `trying` is the record that was about to be tried alone.
    It informs operators and is no evidence, since a host can stop at any time.
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
        """The positions of the condemned records."""
        return frozenset(self.reasons)

    @property
    def reasons(self) -> Mapping[Position, str]:
        """The positions of the condemned records, each with its reason."""
        return {one.position: one.reason for one in self.condemned}


def start_text(start: Start) -> str:
    """Return the place where a shard begins: a checkpoint, or the name of an initial position."""
    return str(start.checkpoint) if start.checkpoint else start.initial or ""


def begun(state: StartState | None, shard: str, start: str) -> StartState:
    """Return the state after one more start. Pure.

    At another place the count begins anew, and the condemned records before that place are dropped.
    """
    if state is None:
        return StartState(shard, start, 1)
    if state.start == start:
        return msgspec.structs.replace(state, starts=state.starts + 1)
    return StartState(shard, start, 1, tuple(one for one in state.condemned if _ahead(one.position, start)))


def condemning(state: StartState, position: Position, deaths: tuple[str, ...], reason: str) -> StartState:
    """Return the state with one more condemned record and its evidence. Pure."""
    if position in state.reasons:
        return msgspec.structs.replace(state, trying=None)
    one = Condemned(str(position.sequence), position.sub, deaths, reason)
    return msgspec.structs.replace(state, condemned=(*state.condemned, one), trying=None)


class Starts:
    """The state of one shard, an object in the bucket of the dead letters. Each call may raise `Unavailable`."""

    def __init__(self, store: ObjectStore, application: str, stream: str, shard: str) -> None:
        """Set whose state it is. `stream` is the stream's name."""
        self._store = store
        self._shard = shard
        self._key = f"{STATE_PREFIX}/{application}/starts/{stream}.{shard}.json"

    def begin(self, start: str) -> StartState:
        """Count a start at this place, and return the state."""
        return self._change(lambda state: begun(state, self._shard, start))

    def mark(self, position: Position) -> None:
        """Store that this record is about to be tried alone."""
        self._change(lambda state: msgspec.structs.replace(self._or_new(state), trying=str(position)))

    def clear(self) -> None:
        """Store that no record is being tried."""
        self._change(lambda state: msgspec.structs.replace(self._or_new(state), trying=None))

    def condemn(self, position: Position, deaths: tuple[str, ...], reason: str = KILLS_PROCESS) -> StartState:
        """Store that this record ends the process, how it did, and the reason that it is condemned for.

        Raises:
            ValueError: there is no evidence.

        """
        if not deaths:
            message = f"nothing died of {position}"
            raise ValueError(message)
        return self._change(lambda state: condemning(self._or_new(state), position, deaths, reason))

    def _or_new(self, state: StartState | None) -> StartState:
        return state or StartState(self._shard, "", 0)  # the object was deleted

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
    except ValueError:  # an initial position's name: any record may come again
        return True
