"""The body of an upload. Each piece that is read is a sign of life, and a slow upload is logged."""

import io
import time
from collections.abc import Callable

from consumers import alive
from consumers.logs import logger

SLOW_S = 30.0
SAY_EVERY_S = 60.0
_SMALL_BYTES = 1 << 14  # each piece has one time-out, so its size sets the slowest pace that is accepted
_LARGE_BYTES = 1 << 17  # costs less, once the connection is known to be fast
_BUFFERED_BYTES = 4 << 20  # the most that a connection buffers before any of it has moved (net.ipv4.tcp_wmem)
_QUICK_BYTES_S = 10e6
_LEAST_BYTES_S = 64e3
_PIECE_S, _ANSWER_S = 3.0, 10.0  # the store's time-outs, for sending and for an answer


class Body(io.BytesIO):
    """Bytes that the sender reads in order. To read them again, it seeks to the beginning."""

    def __init__(self, content: bytes, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Start at the beginning. `where` names the object in the log.

        The bytes are not copied. `clock` returns monotonic seconds.
        """
        super().__init__(content)
        self._where = where
        self._size = len(content)
        self._clock = clock
        self._began: float | None = None
        self._say_at = 0.0

    @property
    def answer_s(self) -> float:
        """The seconds that buffered bytes may still take to be sent, once all have been read, at an unknown pace."""
        return min(self._size, _BUFFERED_BYTES) / _LEAST_BYTES_S

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position, and restart the measurement."""
        self._began = None
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece. A read also means that the piece before it was taken by the connection."""
        now = self._clock()
        if self._began is None:
            self._began, self._say_at = now, now + SLOW_S
        sent, took_s = self.tell(), now - self._began
        if now >= self._say_at:
            self._say_at = now + SAY_EVERY_S
            self._say(sent, took_s)
        quick = sent > _BUFFERED_BYTES and sent > took_s * _QUICK_BYTES_S
        most = _LARGE_BYTES if quick else _SMALL_BYTES
        piece = super().read(most if size is None or size < 0 else min(size, most))
        alive.beat(_PIECE_S if piece else _ANSWER_S + self.answer_s)
        return piece

    def _say(self, sent: int, took_s: float) -> None:
        pace = sent / took_s
        logger().warning(
            "writing_slowly",
            reason=f"{self._where}: {sent} of {self._size} bytes in {took_s:.0f} s",
            bytes_s=round(pace),
            remaining_s=round((self._size - sent) / pace) if pace else None,
            remedy="none: it goes on while bytes move; if lag grows, look at the network, or write less at once",
        )
