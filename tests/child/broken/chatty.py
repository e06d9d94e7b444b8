"""Prints, and writes to descriptor 1, as a careless library would."""

import os

from consumers.pipeline import Pipeline
from tests.child.broken import run

_offer = Pipeline.offer


def _chatty(self, records, now, commit=None, *, caught_up=False):  # type: ignore[no-untyped-def]
    print("printed")
    os.write(1, b"written to descriptor 1\n")
    _offer(self, records, now, commit, caught_up=caught_up)


Pipeline.offer = _chatty  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
