"""Lets each delivery have ids of its own, so that a second one is indexed beside the first."""

import uuid

from consumers.search.judge import Judge
from tests.child.broken import run

_head_of = Judge._head_of
Judge._head_of = lambda self, hour: _head_of(self, hour) + f"{uuid.uuid4().hex}:".encode()  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
