"""Calls everything delivered durable, so that the checkpoint runs ahead of the write."""

from consumers.pipeline import Pipeline
from tests.child.broken import run

Pipeline.durable = property(lambda self: self._delivered)  # type: ignore[method-assign, assignment]

if __name__ == "__main__":
    run()
