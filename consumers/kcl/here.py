"""Tells which shards are read on this host: a daemon can hold a lease, renew it, and never start a process for it.

This was seen with KCL 3.1.3 after a hand-over from a host that had died. The lease table shows no difference to a shard
whose records wait for a destination. So each shard's process binds a name of this host, as its daemon does (`alone`).
"""

import socket
from collections.abc import Sequence
from errno import EADDRINUSE

from consumers.config.settings import Settings
from consumers.kcl.alone import name_of
from consumers.kcl.holding import Held

_AT_ONCE = 4  # processes of one shard at once: one that has lost its lease may live on for a while


def hold_shard(settings: Settings, shard: str) -> socket.socket | None:
    """Bind the name that shows that this process reads the shard, until the socket is closed.

    Return None if no name can be bound.
    """
    for number in range(_AT_ONCE):
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0{_name(settings, shard, number)}")
        except OSError as fault:
            held.close()
            if fault.errno != EADDRINUSE:
                return None  # a system without abstract sockets
        else:
            return held
    return None


def unread_here(settings: Settings, leases: Sequence[Held]) -> list[Held]:
    """List the leases that are due and that this host's daemon holds without a process for them.

    The list is empty if the daemon does not run here. A lease is due once its parents are read to the end, and no other
    worker hands it over.
    """
    if not _bound(name_of(settings)):
        return []
    ended = {one.shard: one.ended for one in leases}
    return [
        one
        for one in leases
        if one.owner == settings.worker
        and not (one.ended or one.giver or one.problem)
        and all(ended.get(parent, True) for parent in one.parents)
        and not any(_bound(_name(settings, one.shard, number)) for number in range(_AT_ONCE))
    ]


def _name(settings: Settings, shard: str, number: int) -> str:
    return f"{name_of(settings)}-{shard}-{number}"


def _bound(name: str) -> bool:
    """Return whether a process of this host has bound a name.

    It connects, since to bind the name would take it for a moment.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(f"\0{name}")
        except OSError:
            return False
    return True
