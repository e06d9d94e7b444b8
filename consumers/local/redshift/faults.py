"""What a test asks of the stand-in: to fail at a statement, before it or after it, and to be held there."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

MOST_KEPT = 20_000
SERIALIZABLE = "1023 Serializable isolation violation on table - 1, transactions forming the cycle are: 1, 2"


@dataclass(slots=True)
class Fault:
    """One rule. `kind` is a statement's (`sql.kind_of`), `containing` a part of it.

    `cut` closes the client's connection: `after` COMMIT, it stands. `conflict` answers 1023, `deadlock` 40P01, `slow`
    sleeps for `seconds` within the session, so that time-outs hold, and `call` is run, and may block.
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
    """The rules that stand, and what was said to the stand-in."""

    def __init__(self) -> None:
        """Begin without a rule."""
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self.refuse = False
        self.counts: Counter[str] = Counter()
        self.texts: list[str] = []

    def add(self, fault: Fault) -> Fault:
        """Let a rule stand."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def forget(self) -> None:
        """Forget all rules and all that was said, and let connections in."""
        with self._lock:
            self._rules.clear()
            self.texts.clear()
            self.counts.clear()
            self.refuse = False

    def note(self, kind: str, text: str) -> None:
        """Keep what was said."""
        with self._lock:
            self.counts[kind] += 1
            if len(self.texts) < MOST_KEPT:
                self.texts.append(text)

    def take(self, kind: str, when: str, text: str) -> Fault | None:
        """Give the rule that holds here, once less."""
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
