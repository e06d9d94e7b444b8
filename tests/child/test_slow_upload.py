"""A destination that is slow, not away, ends no process: what it takes is stored, and the checkpoint moves."""

import os
from pathlib import Path

from tests.child.serving import holding
from tests.support.archive import archive_of, faults_of, write_properties
from tests.support.fake_daemon import Child, Lease
from tests.support.servers import Server
from tests.support.slow_relay import slow_relay

STUCK_S = 2
BYTES_S = 100_000


def test_an_upload_that_moves_is_no_hang(letters: Server, folder: Path) -> None:
    """Three times as long as a process may hang, at 100 kB/s, by the real process of a shard."""
    records = holding([os.urandom(30_000).hex().encode() for _ in range(10)])
    with slow_relay(letters.endpoint) as relay:
        keys = {"archive.maxRecords": 10, "archive.compression": "none", "stuckSeconds": STUCK_S}
        properties = write_properties(folder, relay.endpoint, **keys)
        lease = Lease(records=records)
        with Child(properties, lease) as child:
            child.initialize()
            child.deliver(0)  # what it looks up at first is no upload
            relay.up_bytes_s = BYTES_S
            child.deliver()
            assert child.logs("stuck") == []
    assert lease.checkpoint == records[-1].position
    assert faults_of(archive_of(letters), records) == []
