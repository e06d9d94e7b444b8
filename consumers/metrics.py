"""What a shard's process measures of itself: lines of the log from which CloudWatch makes metrics.

A line is an event `metrics` in the embedded metric format. The dimension is the application alone, so that a fleet has
a handful of metrics whatever the number of its shards; the shard stands in the line. One process is one shard, so its
state is the module's. Source: Embedded metric format specification, Amazon CloudWatch Logs User Guide.
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

`LagSeconds`: how long ago the oldest record came to the stream that is not durable at the destination.
`Records`: taken from the stream since the line before. `DeadLetters`: put since then.
`Starts`: a daemon began. `UnheldShards`: nobody reads them (written by `kinesis-fleet watch`).
`HourWaitSeconds`: how long ago the first hour that is not decided was over, 0 while it lasts; of consumers with hours.
"""


def document(application: str, now_ms: int, **values: float) -> dict[str, Any]:
    """Give the fields of a line. Pure; `now_ms` is the wall clock's, which CloudWatch files the values by."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Application"]], "Metrics": metrics}
    return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}, "Application": application, **values}


class Meter:
    """Follows a shard's deliveries. Pure: monotonic seconds come as arguments; wall clocks of hosts are not trusted."""

    def __init__(self) -> None:
        """Begin before the first delivery."""
        self._tip: float | None = None
        self._since: float | None = None
        self._oldest_ms: int | None = None
        self._records = self._letters = 0
        self._told = (0, 0)
        self._hour_over: float | None = None

    def delivered(self, records: int, behind_ms: int | None, now: float) -> None:
        """Take note of a delivery that was this far behind the stream's end when it was read."""
        self._tip = now - (behind_ms or 0) / 1000
        self._records += records
        if records and self._since is None:
            self._since = self._tip

    def settled(self, oldest_ms: int | None) -> None:
        """Take note that all is durable but what arrived from `oldest_ms` on."""
        if oldest_ms is None:
            self._since = None
        elif oldest_ms != self._oldest_ms:
            self._since = self._tip
        self._oldest_ms = oldest_ms

    def given_up(self) -> None:
        """Take note that the shard is somebody else's, or has ended."""
        self._tip = None

    def rejected(self, letters: int) -> None:
        """Take note of dead letters that were put."""
        self._letters += letters

    def hour_waits(self, seconds: float, now: float) -> None:
        """Take note that the first hour which is not decided was over so long ago; less than 0 where it lasts."""
        self._hour_over = now - seconds

    def read(self, now: float) -> dict[str, float]:
        """Give the values, counted since the last call; none before the first delivery, or after the shard's end."""
        tip, since = self._tip, self._since  # once each: the shard's own thread changes them
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
"""This process's own."""


def report(application: str, every_s: float, write: Callable[[dict[str, Any]], None]) -> None:
    """Write a line every so many seconds, from a thread of its own, so that one is written while the shard waits."""
    if every_s > 0:
        threading.Thread(target=_report, args=(application, every_s, write), daemon=True, name="metrics").start()


def _report(application: str, every_s: float, write: Callable[[dict[str, Any]], None]) -> None:
    while True:
        time.sleep(every_s)
        values = METER.read(time.monotonic())
        if values:
            write(document(application, int(time.time() * 1000), **values))
