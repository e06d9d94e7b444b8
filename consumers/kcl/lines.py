"""Reads the daemon's lines into one reused buffer, without a copy or new memory for each delivery."""

import os
from contextlib import suppress
from fcntl import fcntl

BUFFER_BYTES = 1 << 20
PIPE_BYTES = 1 << 20  # the most that an unprivileged process may set: fewer switches between the JVM and this process
F_SETPIPE_SZ = 1031


class LineReader:
    """The lines of a pipe. Each is valid until the next one is read."""

    def __init__(self, descriptor: int) -> None:
        """Set up the buffer for a file descriptor, and enlarge its pipe."""
        self._descriptor = descriptor
        self._buffer = bytearray(BUFFER_BYTES)
        self._begin = self._end = 0
        with suppress(OSError):  # not a pipe, or the user's pipes are too large in total: only slower
            fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)

    def readline(self) -> memoryview:
        """Return the next line without its newline; empty at the end of the pipe."""
        if self._begin == self._end:
            self._begin = self._end = 0
        searched = self._begin
        while True:
            newline = self._buffer.find(b"\n", searched, self._end)
            if newline == self._begin:  # an empty line is no message
                self._begin = searched = newline + 1
                continue
            if newline > 0:
                line = memoryview(self._buffer)[self._begin : newline]
                self._begin = newline + 1
                return line
            searched = self._end
            if not self._fill():
                return memoryview(b"")

    def _fill(self) -> bool:
        if self._end == len(self._buffer):  # the line before may still be in use: grow into a new buffer
            larger = bytearray(len(self._buffer) * 5 // 4)
            larger[: self._end] = self._buffer
            self._buffer = larger
        with memoryview(self._buffer)[self._end :] as room:
            count = os.readv(self._descriptor, [room])
        self._end += count
        return count > 0
