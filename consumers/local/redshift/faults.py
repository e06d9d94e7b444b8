"""Faults that a test injects into the stand-in: a failure before or after a statement, or a pause there."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

MOST_KEPT = 20_000
SERIALIZABLE = "1023 Serializable isolation violation on table - 1, transactions forming the cycle are: 1, 2"


@dataclass(slots=True)
class Fault:
    """One rule. `kind` is that of a statement (`sql.kind_of`), `containing` a part of its text.

    `cut` closes the client's connection; after a COMMIT, the transaction is committed. `conflict` answers 1023,
    `deadlock` 40P01. `slow` sleeps for `seconds` in the session, so that timeouts apply. `call` is called, and may
    block.
    """

    kind: str
    when: Literal["before", "after"] = "before"
    action: Literal["cut", "conflict", "deadlock", "slow", "call"] = "cut"
    times: int = 1
    skip: int = 0
    seconds: float = 0
    containing: str = ""
    call: Callable[[], None] | None = None


class Faults:
    """The active rules, and the statements that the stand-in received."""

    def __init__(self) -> None:
        """Begin without rules."""
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self.refuse = False
        self.counts: Counter[str] = Counter()
        self.texts: list[str] = []

    def add(self, fault: Fault) -> Fault:
        """Add a rule."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def forget(self) -> None:
        """Remove all rules and recorded statements, and accept connections again."""
        with self._lock:
            self._rules.clear()
            self.texts.clear()
            self.counts.clear()
            self.refuse = False

    def note(self, kind: str, text: str) -> None:
        """Record a statement."""
        with self._lock:
            self.counts[kind] += 1
            if len(self.texts) < MOST_KEPT:
                self.texts.append(text)

    def take(self, kind: str, when: str, text: str) -> Fault | None:
        """Return the rule that applies here, and count it down; None if there is none."""
        with self._lock:
            for rule in self._rules:
                if rule.kind != kind or rule.when != when or rule.containing not in text:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                if rule.times:
                    rule.times -= 1
                    return rule
        return None
