"""Waits for a dependency, which may take hours, unlike hanging, which may not."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 20.0


class Unavailable(Exception):
    """The destination does not accept now. The caller must wait and try again.

    `operator`: it will not mend itself, and somebody must do what `remedy` says. `progressed`: a part was accepted, so
    the next pause need not be longer than the first one was. `exit_code` is that of a command, which does not wait.
    """

    exit_code = 69

    def __init__(self, reason: str, remedy: str = "", *, operator: bool = False, progressed: bool = False) -> None:
        """Store the reason and the remedy."""
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.operator = operator
        self.progressed = progressed

    def __str__(self) -> str:
        """Return the reason and the remedy, as a command that does not wait prints them."""
        remedy = "try again later" if self.remedy.startswith("none:") else self.remedy
        return f"{self.reason}. Remedy: {remedy}" if remedy else self.reason


class Parked(Unavailable):
    """This shard cannot go on until an operator has acted; the other shards of the host go on."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Store the reason and the remedy."""
        super().__init__(reason, remedy, operator=True)


class DeadlineReached(Exception):
    """The time allowed passed before the destination accepted."""


class Log(Protocol):
    """The log of a shard's work: events, with fields to filter by. It never holds a record's data."""

    def info(self, event: str, **fields: object) -> None:
        """Report what was done."""

    def warning(self, event: str, **fields: object) -> None:
        """Report something that mends itself."""

    def error(self, event: str, **fields: object) -> None:
        """Report something that an operator must mend: an alarm."""


@dataclass(slots=True)
class Patience:
    """Tries a call until it is accepted, with full jitter between the tries.

    `pause` waits for the given seconds, and ends the process when the daemon is gone. `clock` returns monotonic
    seconds.
    """

    pause: Callable[[float], None]
    clock: Callable[[], float]
    log: Log
    remind_s: float = 60.0
    jitter: random.Random = field(default_factory=random.Random)
    refused_since: float | None = field(default=None, init=False)
    """The monotonic time at which the current call was first refused; None while it is not refused."""

    def until_done(self, call: Callable[[], T], deadline: float | None = None) -> T:
        """Repeat the call while it raises `Unavailable`, and return its result.

        Raises:
            DeadlineReached: the last try failed after the monotonic `deadline` had passed.

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
                    reminded, alarmed = now, alarmed or fault.operator  # the first alarm needs no reminder to be due
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
