"""The real child, with half a second for each checkpoint: what it does when that is over need not be waited for."""

from functools import partial

from consumers import shard
from consumers.kcl.checkpointer import Commits
from tests.child.broken import run

shard.Commits = partial(Commits, budget_s=0.5)  # type: ignore[assignment,attr-defined]

if __name__ == "__main__":
    run()
