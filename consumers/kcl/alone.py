"""Allows one daemon of a worker on a host: two of them would take each other's leases for ever.

It binds an abstract socket, whose name belongs to the host and to no folder: runtime folders differ, and a unit has a
/tmp of its own. The socket lives as long as the process that bound it, stays when that process becomes Java, and is
released however that ends. Nothing is ever sent to it. Source: unix(7), "Abstract sockets".
"""

import hashlib
import re
import socket
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path

from consumers.config.consumer import EX_UNAVAILABLE
from consumers.config.settings import Settings


class AlreadyRuns(Exception):
    """Another daemon of this worker runs on this host."""

    exit_code = EX_UNAVAILABLE


def name_of(settings: Settings) -> str:
    """Return the name of the worker on this host, made of its id and of the lease table in which the id is used."""
    kcl = settings.kcl
    table = (kcl.get("tableName", settings.application), kcl.get("regionName", ""), kcl.get("dynamoDBEndpoint", ""))
    return f"kinesis-fleet-{hashlib.sha256(repr((settings.worker, *table)).encode()).hexdigest()}"


def hold(settings: Settings) -> socket.socket:
    """Hold the worker's name until the socket is closed, or this process ends, whatever program it becomes.

    Raises:
        AlreadyRuns: another process holds it.

    """
    name = name_of(settings)
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(f"\0{name}")
    except OSError as fault:
        if fault.errno != EADDRINUSE:
            return held  # a system without abstract sockets: nothing is held
        held.close()
        message = (
            f"workerId {settings.worker} of {settings.application} is run on this host already, by {_holder(name)}. "
            "Remedy: stop that one, or give each daemon a workerId of its own"
        )
        raise AlreadyRuns(message) from fault
    held.set_inheritable(True)
    return held


def _holder(name: str) -> str:
    """Return the process that has bound a name, if this user may see it."""
    with suppress(OSError):
        table = Path("/proc/net/unix").read_text(encoding="ascii", errors="replace")
        found = re.search(rf"(\d+) @{name}$", table, re.MULTILINE)
        wanted = f"socket:[{found[1]}]" if found else None
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                if str(link.readlink()) == wanted:
                    return f"process {link.parts[2]}"
    return "a process of another user"
