"""Detects two daemons with one workerId on two hosts, which silently take each other's leases.

The last start of a daemon with this workerId is stored in an object in the consumer's bucket. A shard's process reads
it when it begins. That happens again and again where two daemons share an id: each loses its leases to the other, and
finds its own name in the table. If the start is not that of its own daemon, another daemon started later, on another
host, while this one still runs.
"""

import os
import secrets
import socket
from urllib.parse import quote

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.undecodable import UNDECODABLE
from consumers.waiting import Log, Unavailable

RUN = "KINESIS_FLEET_RUN"
"""The environment variable that holds the random name of a daemon's start, for its shards' processes."""
_TRIES = 5


class Run(msgspec.Struct, frozen=True, rename="camel"):
    """One start of a daemon: a random name, its host, and its time by the store's clock, in UTC milliseconds."""

    run: str
    host: str
    started_ms: int


class WrittenRuns:
    """The last start of a worker, stored in a bucket."""

    def __init__(self, store: ObjectStore, application: str, worker: str, log: Log) -> None:
        """Set the worker; nothing is read or written yet."""
        self._store = store
        self._key = f"{STATE_PREFIX}/{application}/workers/{quote(worker, safe='')}.json"
        self._worker = worker
        self._log = log

    def begin(self) -> str:
        """Store a start, and return its name.

        Raises:
            Unavailable: the store does not answer, or refuses.

        """
        run = secrets.token_hex(8)
        for _ in range(_TRIES):
            standing = self._store.find(self._key)  # first, since the store's clock is known only after an answer
            body = msgspec.json.encode(Run(run, socket.gethostname(), self._store.now_ms()))
            if self._store.swap(self._key, body, standing.version if standing else None):
                break
        return run

    def look(self) -> None:
        """Log an error if the stored start is not this process's own. An unreadable object is ignored."""
        mine = os.environ.get(RUN)
        try:
            standing = self._store.find(self._key) if mine else None
            last = msgspec.json.decode(standing.body, type=Run) if standing else None
        except (Unavailable, *UNDECODABLE):
            return
        if last is None or last.run == mine:
            return
        here = socket.gethostname()
        self._log.error(
            "worker_doubled",
            worker=self._worker,
            hosts=sorted({here, last.host}),
            reason=f"a daemon with this workerId was started on {last.host}, and this one runs on {here}",
            remedy="stop one of the two, or give each host a workerId of its own",
        )
