"""Waiting for a dependency, which may take hours, as opposed to hanging, which may not."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 20.0


class Unavailable(Exception):
    """The destination does not accept now. The only answer is to wait and try again.

    `operator` says that it will not mend itself: somebody has to act, and `remedy` says how. `progressed` says that a
    part was accepted, so that the next try need not come later than the first one did. `exit_code` is of a command that
    does not wait.
    """

    exit_code = 69

    def __init__(self, reason: str, remedy: str = "", *, operator: bool = False, progressed: bool = False) -> None:
        """Say why, and what would mend it."""
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.operator = operator
        self.progressed = progressed

    def __str__(self) -> str:
        """Say both, for a command, which does not wait."""
        remedy = "try again later" if self.remedy.startswith("none:") else self.remedy
        return f"{self.reason}. Remedy: {remedy}" if remedy else self.reason


class Parked(Unavailable):
    """This shard alone cannot go on until somebody has looked; the others of the host go on."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Say why, and what would mend it."""
        super().__init__(reason, remedy, operator=True)


class DeadlineReached(Exception):
    """The time allowed ended before the destination accepted."""


class Log(Protocol):
    """What is said of a shard's work: an event, and fields that one can filter by. Never a record's data."""

    def info(self, event: str, **fields: object) -> None:
        """Report what was done."""

    def warning(self, event: str, **fields: object) -> None:
        """Report something that mends itself."""

    def error(self, event: str, **fields: object) -> None:
        """Report something that an operator must mend: an alarm."""


@dataclass(slots=True)
class Patience:
    """Tries a call until it is accepted, with full jitter between the tries.

    `pause` waits for the given seconds, and ends the process when the daemon is gone.
    `clock` gives monotonic seconds.
    """

    pause: Callable[[float], None]
    clock: Callable[[], float]
    log: Log
    remind_s: float = 60.0
    jitter: random.Random = field(default_factory=random.Random)
    refused_since: float | None = field(default=None, init=False)
    """When the call in hand was refused first; None while none is refused."""

    def until_done(self, call: Callable[[], T], deadline: float | None = None) -> T:
        """Return what the call returns once it does not raise `Unavailable`.

        Raises:
            DeadlineReached: the monotonic `deadline` has passed, and so did the last try.

        """
        try:
            return self._until_done(call, deadline)
        finally:
            self.refused_since = None

    def _until_done(self, call: Callable[[], T], deadline: float | None) -> T:
        began = self.clock()
        tries, back_off = 0, 0
        reminded: float | None = None
        alarmed = False
        while True:
            try:
                answer = call()
            except Unavailable as fault:
                now = self.clock()
                tries += 1
                self.refused_since = now if self.refused_since is None or fault.progressed else self.refused_since
                back_off = 1 if fault.progressed else back_off + 1
                if reminded is None or now - reminded >= self.remind_s or (fault.operator and not alarmed):
                    self._say(fault, tries, now - began)
                    reminded, alarmed = now, alarmed or fault.operator  # the first alarm waits for no reminder
                if deadline is not None and now >= deadline:
                    raise DeadlineReached(fault.reason) from fault
                seconds = self._next_pause(back_off)
                self.pause(seconds if deadline is None else min(seconds, deadline - now))
            else:
                if tries:
                    self.log.info("accepted", tries=tries, waited_s=round(self.clock() - began, 1))
                return answer

    def _next_pause(self, back_off: int) -> float:
        ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(back_off, 16))
        return self.jitter.uniform(FIRST_PAUSE_S / 2, ceiling)

    def _say(self, fault: Unavailable, tries: int, waited_s: float) -> None:
        say = self.log.error if fault.operator else self.log.warning
        say(
            "parked" if isinstance(fault, Parked) else "waiting",
            reason=fault.reason,
            remedy=fault.remedy,
            tries=tries,
            waited_s=round(waited_s, 1),
        )
