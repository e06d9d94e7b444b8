"""Takes a rejected record for done, and keeps no dead letter."""

from consumers.letters.store import DeadLetters
from tests.child.broken import run

DeadLetters.put = lambda self, letters: None  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
