"""Makes a consumer of a destination: adds batches, dead letters, pauses, the search for killers, redrive and grants."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from consumers import __version__
from consumers.concern.batcher import Limits, OutboxBatcher, item_of
from consumers.concern.outbox import Made, Outbox
from consumers.concern.settings import ConcernSettings
from consumers.concern.sink import OutboxSink, deliver
from consumers.concern.watch import ConcernWatch
from consumers.config.consumer import Consumer, CrossFaults, Redrive, ShardContext
from consumers.config.settings import Settings
from consumers.documents.document import Rejected
from consumers.grants import Account, Grant, Grants
from consumers.letters.aside import SetAside
from consumers.letters.breaker import Breaker
from consumers.letters.condemned import CONDEMNED
from consumers.letters.killer import finder
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.permit import Permit
from consumers.letters.rejecting import letters_of
from consumers.letters.settings import KEYS, claim_letters, dead_letters, letter_faults, letter_grants, letter_store
from consumers.letters.starts import Starts, start_text
from consumers.letters.suspects import Suspects
from consumers.pipeline import Pipeline
from consumers.readiness import insist, insist_on_conditions
from consumers.records import Position, Record
from consumers.stream import stream_of

S = TypeVar("S", bound=ConcernSettings)


class Destination(Protocol[Made]):
    """A destination, as a concern implements it. Each shard's process makes one, and so does a probe.

    A record may be offered again after it was delivered: after a crash, a lost answer or a lost lease, and while
    another process still delivers it. So a second delivery must be harmless, or the concern must document that it is
    not.
    """

    def ready(self) -> None:
        """Check that the destination accepts. Raises `Unavailable`, with `operator` if a person must act."""

    def prepare(self, record: Record) -> Made | Rejected:
        """Return what is delivered of a record, or reject it. Pure.

        A record that may end the process is tried alone.
        """
        ...

    def deliver(self, outbox: Outbox[Made]) -> None:
        """Call `done` or `reject` for pending items. Items that stay pending are offered again after a pause.

        Raises:
            Unavailable: the destination does not accept now.
        """


def concern(  # noqa: PLR0913 - the parts of a declaration; most consumers need only the first four
    name: str,
    section: str,
    settings: type[S],
    connect: Callable[[S], Destination[Made]],
    *,
    faults: Callable[[S], CrossFaults] = lambda _settings: (),
    grants: Callable[[S, Account], Sequence[Grant]] = lambda _settings, _account: (),
) -> Consumer:
    """Declare a consumer that delivers each record by itself.

    `connect` opens the destination. `faults` yields faults that involve more than one key. `grants` returns what IAM
    must allow besides the stream and the dead letters.
    """

    def all_faults(own: S) -> Iterator[tuple[str, str]]:
        yield from faults(own)
        yield from letter_faults(own, section)

    def probe(own: S) -> None:
        insist_on_conditions(f"{section}.{KEYS}", letter_store(own, section))
        insist(section, connect(own).ready)

    def build(given: Settings) -> Callable[[ShardContext], Pipeline[Outbox[Made]]]:
        return partial(_pipeline, section, connect, given)

    def redrive(given: Settings) -> Redrive:
        destination = connect(given.section)

        def again(shard: str, records: Sequence[Record]) -> Sequence[Letter]:
            outbox = Outbox(shard, [item_of(record, destination.prepare) for record in records])
            deliver(destination.deliver, outbox)
            return letters_of(_head(given, shard), outbox.rejected)

        return again

    def all_grants(given: Settings, account: Account) -> Grants:
        own = grants(given.section, account)
        letters = letter_grants(given.section, given.application, account)
        return {role: [*needed, *own] for role, needed in letters.items()}

    return Consumer(
        name,
        section,
        settings,
        all_faults,
        probe,
        build,
        all_grants,
        redrive,
        state=lambda own: letter_store(own, section),
    )


class _Prepared:
    """Prepares records, except condemned ones."""

    def __init__(self, prepare: Callable[[Record], Any]) -> None:
        self._prepare = prepare
        self._condemned: Mapping[Position, str] = {}

    def condemn(self, condemned: Mapping[Position, str]) -> None:
        self._condemned = condemned

    def __call__(self, record: Record) -> Any:  # noqa: ANN401 - what the destination makes
        if self._condemned and (reason := self._condemned.get(record.position)):
            return CONDEMNED[reason]
        return self._prepare(record)


def _pipeline(
    section: str, connect: Callable[[Any], Destination[Made]], given: Settings, context: ShardContext
) -> Pipeline[Outbox[Made]]:
    own: ConcernSettings = given.section
    store, destination = letter_store(own, section), connect(own)
    letters, head = dead_letters(own, store, given.application), _head(given, context.shard)
    permit, clock, log = Permit(store, given.application), context.patience.clock, context.log
    prepare = _Prepared(destination.prepare)
    suspects = Suspects(
        Starts(store, given.application, given.stream, context.shard),
        start_text(context.start),
        prepare,
        prepare.condemn,
        log,
        finder(given.stuck_s),
    )
    claim = partial(claim_letters, store, own, given.application, given.stream, stream_of(given))
    breaker = Breaker(own.pause_records, own.pause_share)
    return Pipeline(
        OutboxBatcher(context.shard, Limits(own.max_bytes, own.max_records, own.max_age_seconds), prepare, clock),
        OutboxSink(destination.deliver, letters, head, permit, breaker, clock, log),
        context.patience,
        ConcernWatch(suspects, claim),
        SetAside(letters, head, permit, log, context.start.checkpoint),
    )


def _head(given: Settings, shard: str) -> LetterHead:
    return LetterHead(given.stream, shard, given.consumer, __version__, given.application)
