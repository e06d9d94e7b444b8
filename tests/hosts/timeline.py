"""Who had which shard when, out of the journals of all hosts, which share this machine's clock."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.hosts.host import Host

_STORED = {"object_written", "object_adopted"}
_LEFT = {"drained", "shard_given_up", "shard_ended", "drain_cut_short"}


@dataclass(slots=True)
class Stay:
    """A shard with one of its processes. Times are seconds since 1970; `ended` is None where no line tells it."""

    shard: str
    host: str
    began: float
    start: str
    stored: str
    ended: float | None = None
    drained: bool = False


def journal(host: Host, unit: str, since: float | None = None) -> list[dict[str, Any]]:
    """Read a unit's journal: each entry, with the JSON of its message as `line` where it is some."""
    entries = []
    after = "" if since is None else f"--since @{since:.6f}"
    for text in host.run(f"journalctl -u {unit} -a -o json --no-pager {after}").splitlines():
        entry: dict[str, Any] = json.loads(text)
        with suppress(ValueError, TypeError):
            entry["line"] = json.loads(entry["MESSAGE"])
        entries.append(entry)
    return entries


def _in_order(
    hosts: Iterable[Host], unit: str, since: float | None = None
) -> Sequence[tuple[float, str, dict[str, Any]]]:
    """Read a unit's journals of all hosts: when, the host's name, and the entry, by time."""
    entries = [
        (int(entry["__REALTIME_TIMESTAMP"]) / 1e6, host.name, entry)
        for host in hosts
        for entry in journal(host, unit, since)
    ]
    return sorted(entries, key=lambda one: one[0])


def stays(hosts: Iterable[Host], unit: str) -> dict[str, list[Stay]]:
    """Give each shard's stays, in their order."""
    found: dict[str, list[Stay]] = {}
    for at, host, entry in _in_order(hosts, unit):
        line = entry.get("line")
        if not isinstance(line, dict) or "shard" not in line:
            continue
        of_shard = found.setdefault(line["shard"], [])
        if line["event"] == "shard_taken":
            of_shard.append(Stay(line["shard"], host, at, line["start"], line["start"]))
            continue
        own = next((stay for stay in reversed(of_shard) if stay.host == host), None)
        if own is None:
            continue
        if line["event"] in _STORED:
            own.stored = line["position"]
        elif line["event"] in _LEFT:
            own.ended = own.ended or at
            own.drained = own.drained or line["event"] == "drained"
    return found


def handed(of: dict[str, list[Stay]], since: float) -> Sequence[tuple[Stay, Stay]]:
    """Give each change of process since then: the stay before, and the one after."""
    return [pair for several in of.values() for pair in pairwise(several) if pair[1].began >= since]


def idle_s(of: dict[str, list[Stay]], since: float) -> dict[str, float]:
    """Give the longest time that each shard has had no process since then.

    A process that says no farewell counts as gone at `since`, when the test has killed it.
    """
    longest: dict[str, float] = {}
    for before, after in handed(of, since):
        gone = before.ended if before.ended is not None and before.ended >= since else since
        longest[after.shard] = max(longest.get(after.shard, 0.0), after.began - min(gone, after.began))
    return longest


def redelivered(of: dict[str, list[Stay]], since: float) -> Sequence[tuple[Stay, Stay]]:
    """Give the changes at which a record was delivered again: the next process began before what was stored."""
    return [
        (before, after) for before, after in handed(of, since) if not before.drained or before.stored != after.start
    ]


def around(hosts: Iterable[Host], unit: str, shard: str, at: float) -> list[str]:
    """Give what each host says of a shard in the half minute before a time, and shortly after: KCL's warnings too."""
    return [
        f"{moment:.3f} {host} {entry['MESSAGE']}"
        for moment, host, entry in _in_order(hosts, unit, at - 30)
        if moment < at + 5 and shard in str(entry["MESSAGE"])
    ]
