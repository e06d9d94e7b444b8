"""The declaration of a consumer. The registry holds one for each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from consumers.chain.store import ObjectStore
from consumers.grants import CONSUMER, Account, Grants
from consumers.letters.letter import Letter
from consumers.parts import Start
from consumers.records import Record
from consumers.waiting import Log, Patience

if TYPE_CHECKING:  # a command that uses no bucket does not import boto3
    from consumers.s3.store import S3Store

CrossFaults = Iterable[tuple[str, str]]
EX_UNAVAILABLE = 69
EX_CONFIG = 78

Redrive = Callable[[str, Sequence[Record]], Sequence[Letter]]
"""Processes a shard's records again, and returns the letters of those that are rejected again.

It returns once the others are durable. It may be repeated, and raises `Unavailable` if it must be.
"""


class NotReady(Exception):
    """The destination refuses this consumer, and an operator must fix it. The message says how."""

    exit_code = EX_UNAVAILABLE


class NotForThis(Exception):
    """The properties file belongs to a consumer without this feature. The message names the right file."""

    exit_code = EX_CONFIG


@dataclass(frozen=True, slots=True)
class ShardContext:
    """The input of a consumer that builds its pipeline for one shard."""

    shard: str
    start: Start
    patience: Patience
    log: Log


def _no_grants(_settings: object, _account: Account) -> Grants:
    return {CONSUMER: ()}


@dataclass(frozen=True, slots=True)
class Consumer:
    """One concern: a section of the properties file, and how to build its pipeline.

    ``name`` is the value of the key ``consumer``. Keys of the section are ``<section>.<field>``.
    ``settings`` is a struct. Its ``Annotated[..., msgspec.Meta]`` fields carry constraints and, as
    ``description``, the remedy shown for a wrong value. ``faults`` yields pairs of a key (without the
    section) and a message with problem and remedy, for faults that involve more than one field.

    ``probe`` verifies, before the daemon starts, that the destination has the properties that the consumer
    relies on. It waits while the destination is away, and raises ``NotReady`` if it refuses. ``build``
    makes the shard's pipeline in its child process.

    ``redrive`` makes the function that processes dead letters again; it is None for a consumer that rejects
    nothing. ``aside`` then returns the bucket for elements that are no records. ``grants`` returns, by role,
    the grants that its settings need at the destination; the grants on the stream are added.

    ``state`` returns the bucket for state that must outlive the lease table. Without it, the fleet notices
    neither a stream that was created again, nor a second daemon of a worker on another host. ``anew`` names
    the fields that need a new value, besides ``applicationName``, if the stream was created again: their
    stored data is named by shards, and the new stream has shards of the same names.
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
