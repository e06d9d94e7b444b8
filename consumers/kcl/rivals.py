"""Two daemons with one workerId on two hosts: they take each other's leases without a word, so starts are written down.

The object is this worker's, in the consumer's bucket: the last start of a daemon with this workerId. A shard's process
looks there when it begins, which happens again and again where two share an id: each loses its leases to the other, and
finds its own name in the table. If it finds a start that is not its own daemon's, that one came later, on another host,
while this one still runs.
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
"""The variable by which the processes of one start know each other."""
_TRIES = 5


class Run(msgspec.Struct, frozen=True, rename="camel"):
    """One start of a daemon: a random name, its host, and when by the store's clock, in UTC milliseconds."""

    run: str
    host: str
    started_ms: int


class WrittenRuns:
    """The last start of a worker, as it stands in a bucket."""

    def __init__(self, store: ObjectStore, application: str, worker: str, log: Log) -> None:
        """Say whose; nothing is read or written yet."""
        self._store = store
        self._key = f"{STATE_PREFIX}/{application}/workers/{quote(worker, safe='')}.json"
        self._worker = worker
        self._log = log

    def begin(self) -> str:
        """Write down a start, and give its name.

        Raises:
            Unavailable: the store does not answer, or refuses.

        """
        run = secrets.token_hex(8)
        for _ in range(_TRIES):
            standing = self._store.find(self._key)  # first: the store's clock is known by its answers
            body = msgspec.json.encode(Run(run, socket.gethostname(), self._store.now_ms()))
            if self._store.swap(self._key, body, standing.version if standing else None):
                break
        return run

    def look(self) -> None:
        """Say an error if a start stands there that is not this process's own. What cannot be read says nothing."""
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
