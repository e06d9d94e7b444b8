"""Reads and decodes what the fleet stores about hours."""

from typing import TypeVar

import msgspec

from consumers.chain.store import ObjectStore
from consumers.hours.manifest import Note
from consumers.undecodable import UNDECODABLE
from consumers.waiting import Parked

T = TypeVar("T")
RESTORE = "restore its former version"


def decoded(body: bytes, kind: type[T], key: str, remedy: str) -> T:
    """Decode an object of the fleet's state.

    Raises:
        Parked: it is damaged.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE as fault:
        reason = f"{key} is damaged"
        raise Parked(reason, remedy) from fault


def note_at(store: ObjectStore, key: str) -> Note | None:
    """Read an hour's `_SUCCESS`, `_INCOMPLETE` or `_LATE`; return None if it does not stand.

    Raises:
        Parked: it is damaged.

    """
    found = store.find(key)
    return decoded(found.body, Note, key, RESTORE) if found else None
