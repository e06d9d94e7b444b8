"""Raises in a callback."""

from consumers.pipeline import Pipeline
from tests.child.broken import run


def _offer(self, records, now, commit=None, *, caught_up=False):  # type: ignore[no-untyped-def]
    message = "a bug"
    raise ValueError(message)


Pipeline.offer = _offer  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
