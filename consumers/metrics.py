"""Metrics of a shard's process: log lines from which CloudWatch makes metrics.

A line is an event `metrics` in the embedded metric format. The only dimension is the application, so that a fleet has a
handful of metrics whatever the number of its shards. The shard is a field of the line. One process serves one shard, so
the state is the module's. Source: Embedded metric format specification, Amazon CloudWatch Logs User Guide.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

NAMESPACE = "KinesisFleet"
UNITS: Mapping[str, str] = {
    "LagSeconds": "Seconds",
    "Records": "Count",
    "DeadLetters": "Count",
    "Starts": "Count",
    "UnheldShards": "Count",
    "HourWaitSeconds": "Seconds",
}
"""All metrics that the fleet writes, with their units.

`LagSeconds`: the time since the arrival of the oldest record that is not yet durable at the destination.
`Records`: records taken from the stream since the previous line.
`DeadLetters`: dead letters stored since the previous line.
`Starts`: starts of a daemon.
`UnheldShards`: shards that no process reads (written by `kinesis-fleet watch`).
`HourWaitSeconds`: the time since the end of the first hour that is not decided; 0 while that hour lasts. Only of
consumers with hours.
"""


def document(application: str, now_ms: int, **values: float) -> dict[str, Any]:
    """Return the fields of a line. Pure.

    `now_ms` is the wall clock in UTC milliseconds: CloudWatch stores the values under that time.
    """
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Application"]], "Metrics": metrics}
    return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}, "Application": application, **values}


class Meter:
    """The lag and the counts of a shard. Pure.

    Times come as arguments, in monotonic seconds: the wall clocks of hosts are not trusted.
    """

    def __init__(self) -> None:
        """Start before the first delivery."""
        self._tip: float | None = None
        self._since: float | None = None
        self._oldest_ms: int | None = None
        self._records = self._letters = 0
        self._told = (0, 0)
        self._hour_over: float | None = None

    def delivered(self, records: int, behind_ms: int | None, now: float) -> None:
        """Count a delivery. `behind_ms` is how far behind the stream's end it was when it was read."""
        self._tip = now - (behind_ms or 0) / 1000
        self._records += records
        if records and self._since is None:
            self._since = self._tip

    def settled(self, oldest_ms: int | None) -> None:
        """Note that everything is durable except what arrived from `oldest_ms` on; None means everything."""
        if oldest_ms is None:
            self._since = None
        elif oldest_ms != self._oldest_ms:
            self._since = self._tip
        self._oldest_ms = oldest_ms

    def given_up(self) -> None:
        """Note that the shard has ended, or that this process no longer holds its lease."""
        self._tip = None

    def rejected(self, letters: int) -> None:
        """Count dead letters that were stored."""
        self._letters += letters

    def hour_waits(self, seconds: float, now: float) -> None:
        """Note how many seconds ago the first undecided hour ended; negative while it lasts."""
        self._hour_over = now - seconds

    def read(self, now: float) -> dict[str, float]:
        """Return the values, with counts since the last call.

        It is empty before the first delivery, and after the shard has ended or its lease is lost.
        """
        tip, since = self._tip, self._since  # each is read once: the shard's thread changes them meanwhile
        if tip is None:
            return {}
        oldest = tip if since is None else min(since, tip)
        counted, told = (self._records, self._letters), self._told
        self._told = counted
        over = self._hour_over
        waits = {} if over is None else {"HourWaitSeconds": round(max(now - over, 0.0), 1)}
        return {
            "LagSeconds": round(max(now - oldest, 0.0), 1),
            "Records": counted[0] - told[0],
            "DeadLetters": counted[1] - told[1],
            **waits,
        }


METER = Meter()
"""The meter of this process."""


def report(application: str, every_s: float, write: Callable[[dict[str, Any]], None]) -> None:
    """Write a line every `every_s` seconds; 0 writes none.

    A thread of its own does so, so that lines are written also while the shard waits.
    """
    if every_s > 0:
        threading.Thread(target=_report, args=(application, every_s, write), daemon=True, name="metrics").start()


def _report(application: str, every_s: float, write: Callable[[dict[str, Any]], None]) -> None:
    while True:
        time.sleep(every_s)
        values = METER.read(time.monotonic())
        if values:
            write(document(application, int(time.time() * 1000), **values))
