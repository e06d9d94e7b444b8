"""What a consumer declares about itself; the registry holds one of these per consumer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from consumers.chain.store import ObjectStore
from consumers.grants import CONSUMER, Account, Grants
from consumers.letters.letter import Letter
from consumers.pipeline import Start
from consumers.records import Record
from consumers.waiting import Log, Patience

if TYPE_CHECKING:  # a command that asks no bucket need not wait for boto3
    from consumers.s3.store import S3Store

CrossFaults = Iterable[tuple[str, str]]
EX_UNAVAILABLE = 69
EX_CONFIG = 78

Redrive = Callable[[str, Sequence[Record]], Sequence[Letter]]
"""Puts a shard's records through once more, and gives the letters of those that are rejected again.

It returns once the others are durable. It may be repeated, and raises `Unavailable` to be.
"""


class NotReady(Exception):
    """The destination refuses this consumer, and only an operator can mend it; the message says how."""

    exit_code = EX_UNAVAILABLE


class NotForThis(Exception):
    """The properties file is of a consumer that has no such thing; the message says whose file to give."""

    exit_code = EX_CONFIG


@dataclass(frozen=True, slots=True)
class ShardContext:
    """What a consumer is given to build its pipeline for one shard."""

    shard: str
    start: Start
    patience: Patience
    log: Log


def _no_grants(_settings: object, _account: Account) -> Grants:
    return {CONSUMER: ()}


@dataclass(frozen=True, slots=True)
class Consumer:
    """One concern: a section of the properties file, and how to build its pipeline.

    ``name`` is the value of the key ``consumer``. Keys of the section are
    ``<section>.<field>``. ``settings`` is a struct whose ``Annotated[..., msgspec.Meta]``
    fields carry constraints and, as ``description``, the remedy shown for a wrong value.
    ``faults`` yields ``(key without section, what is wrong and what to do)`` for what no
    single field can tell. ``probe`` proves, before the daemon starts, that the destination accepts
    what the consumer relies on: it waits while the destination is away, and raises ``NotReady``.
    ``build`` makes the shard's pipeline in its child process. ``redrive`` makes what puts dead
    letters through again; a consumer that rejects nothing has none, and ``aside`` gives the bucket where
    such a one keeps what is no record at all. ``grants`` says, by role, what its settings need of
    the destination; what every consumer needs of the stream is added. ``state`` gives the bucket in which the
    fleet keeps what must outlive the lease table; without one, neither a stream made anew nor a second
    daemon of a worker on another host is noticed. ``anew`` names the fields that need another value, beside
    ``applicationName``, where the stream was made anew: what is stored there is named by shards, and the new
    stream has shards of the same names.
    """

    name: str
    section: str
    settings: type[msgspec.Struct]
    faults: Callable[[Any], CrossFaults]
    probe: Callable[[Any], None]
    build: Callable[..., Any]
    grants: Callable[[Any, Account], Grants] = _no_grants
    redrive: Callable[[Any], Redrive] | None = None
    aside: "Callable[[Any], S3Store] | None" = None
    state: Callable[[Any], ObjectStore] | None = None
    anew: tuple[str, ...] = ()
