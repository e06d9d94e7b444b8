"""Reads back what the fleet keeps about hours."""

from typing import TypeVar

import msgspec

from consumers.waiting import Parked

T = TypeVar("T")


def decoded(body: bytes, kind: type[T], key: str, remedy: str) -> T:
    """Decode an object of ours.

    Raises:
        Parked: it is damaged.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as fault:
        reason = f"{key} is damaged"
        raise Parked(reason, remedy) from fault
