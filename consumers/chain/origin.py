"""The origin of a shard's chain, stored once, and the layout of its keys.

Two starts without a checkpoint need not see the same first record: TRIM_HORIZON and LATEST move. The first of them
claims the origin. A later start that begins further on fences the first: it writes a link of zero records at the
origin's key. A writer that resumes there learns from it up to where it must not write.
"""

import hashlib
from collections.abc import Iterator

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.records import Position
from consumers.undecodable import UNDECODABLE
from consumers.waiting import Parked, Unavailable


class Origin(msgspec.Struct, frozen=True):
    """The first record that was ever to be written, its key, and the name of the initial position."""

    sequence: str
    sub: int
    key: str
    arrival_ms: int
    initial: str

    @property
    def position(self) -> Position:
        """The position at which the chain begins."""
        return Position(int(self.sequence), self.sub)


class ChainRecord(msgspec.Struct, frozen=True):
    """The state of a chain outside its objects: its origin, its present layout and its former ones."""

    origin: Origin
    layout: Layout
    former: tuple[Layout, ...] = ()


def record_key(application: str, layout: Layout, shard: str) -> str:
    """Return the key of the chain's record. It does not depend on the prefix, so that a changed prefix is noticed."""
    return f"{STATE_PREFIX}/{application}/{layout.stream}.{shard}.json"


def claim(store: ObjectStore, key: str, proposed: ChainRecord) -> ChainRecord:
    """Store the proposed record if the chain has none, and return the record that stands.

    Raises:
        Unavailable: the record was there, and is gone.

    """
    body = msgspec.json.encode(proposed)
    if store.put_new(key, body, {}, hashlib.sha256(body).digest()):
        return proposed
    standing, _ = recall(store, key)
    if standing is None:
        reason = f"the chain's record {key} was there and is gone"
        raise Unavailable(reason, "stop deleting below _kinesis-fleet/", operator=True)
    return standing


def recall(store: ObjectStore, key: str) -> tuple[ChainRecord | None, str | None]:
    """Read a chain's record and its version; None and None if there is none yet.

    Raises:
        Parked: the record is damaged.

    """
    standing = store.find(key)
    if standing is None:
        return None, None
    try:
        return msgspec.json.decode(standing.body, type=ChainRecord), standing.version
    except UNDECODABLE as fault:
        reason = f"the chain's record {key} is damaged"
        remedy = (
            "restore its former version. Without one, delete it while no worker of this application runs, and do not "
            "set checkpoints back beyond the last change of prefix, partition or compression"
        )
        raise Parked(reason, remedy) from fault


def records_of(store: ObjectStore, application: str, stream: str) -> Iterator[ChainRecord]:
    """Yield the records of a stream's chains.

    The key prefix may also match streams whose names begin with this one's; their records are left out.
    """
    prefix = f"{STATE_PREFIX}/{application}/{stream}."
    for entry in store.list(prefix):
        shard, _, extension = entry.key.removeprefix(prefix).partition(".")
        record = recall(store, entry.key)[0] if shard and extension == "json" else None
        if record is not None:
            yield record


def owner_key(prefix: str) -> str:
    """Return the key of the claim of a prefix."""
    return "/".join((STATE_PREFIX, "owners", *prefix.split("/"), "owner.txt")).replace("//", "/")


def owner_of(application: str, stream: str) -> bytes:
    """Return the body of a claim, which names its owner."""
    return f"{application} {stream}".encode()


def claim_prefix(store: ObjectStore, prefix: str, owner: bytes) -> None:
    """Claim a prefix for one application and its stream.

    Its folders can be declared complete for one stream only.

    Raises:
        Parked: another owner holds it.

    """
    key = owner_key(prefix)
    standing = store.find(key)
    if standing is None and not store.put_new(key, owner, {}, hashlib.sha256(owner).digest()):
        standing = store.find(key)
    if standing is not None and standing.body != owner:
        reason = f"prefix {prefix!r} belongs to {standing.body[:300].decode(errors='replace')}, says {key}"
        remedy = f"give each application a prefix, or delete {key} if no worker of the former one is left"
        raise Parked(reason, remedy)
