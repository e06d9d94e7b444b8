"""The floor: the least that any archive child in this language can spend on a line.

It reads the pipe into one buffer that it keeps, scans the line natively once to find each record, and compresses the
records' data with ISA-L level 1. The data was decoded beforehand (the file given as argument holds
as many records as a line): nothing is parsed, no base64, no object per record, no checksum, no
upload, no checkpoint. A real child can approach this figure, not reach it.
"""

import fcntl
import os
import sys
from pathlib import Path

from isal import isal_zlib

_LINE_BYTES = 64 * 1024 * 1024
_PIPE_BYTES = 1024 * 1024
_GZIP_WINDOW_BITS = 31
_LEVEL = 1
_NEWLINE = 0x0A


def main() -> None:
    """Answer each line until the input ends."""
    payload = Path(sys.argv[1]).read_bytes()
    fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    buffer = bytearray(_LINE_BYTES)
    view = memoryview(buffer)
    while size := _read_line(view):
        if buffer.count(b"{", 0, size) > 1:
            packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW_BITS)
            packed = packer.compress(payload) + packer.flush()
            assert packed
        os.write(1, b'{"action":"status","responseFor":"any"}\n')


def _read_line(view: memoryview) -> int:
    """Read up to the newline. The daemon waits for its answer, so nothing follows it."""
    size = 0
    while (count := os.readv(0, [view[size:]])) > 0:
        size += count
        if view[size - 1] == _NEWLINE:
            return size
    return 0


if __name__ == "__main__":
    main()
