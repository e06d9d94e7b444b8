"""The bytes that this process's connections have moved, which tell a slow destination from a dead one."""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

_TCP_INFO_BYTES = 136
_ACKED_AND_RECEIVED = struct.Struct("=QQ")
_AT = 120  # `tcpi_bytes_acked` and `tcpi_bytes_received` of linux/tcp.h, since Linux 4.1


def moved_bytes() -> int:
    """Sum the bytes that the other ends have acknowledged and sent, over all open TCP connections.

    The sum also changes when a connection opens or closes. Only a comparison with an earlier value is meaningful. It is
    always 0 where the system does not report these counts.
    """
    total = 0
    with suppress(OSError):
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # closed meanwhile, or not a TCP connection
                if str(link.readlink()).startswith("socket:"):
                    total += _moved_by(int(link.name))
    return total


def _moved_by(descriptor: int) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as connection:  # a copy: the owner may close its own at any time
        if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.type != socket.SOCK_STREAM:
            return 0
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return sum(_ACKED_AND_RECEIVED.unpack_from(info, _AT)) if len(info) >= _TCP_INFO_BYTES else 0
