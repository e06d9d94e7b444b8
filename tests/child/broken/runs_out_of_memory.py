"""Asks for more memory than there is in a callback."""

from consumers.pipeline import Pipeline
from tests.child.broken import run


def _offer(self, records, now, commit=None, *, caught_up=False):  # type: ignore[no-untyped-def]
    bytearray(1 << 60)


Pipeline.offer = _offer  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
