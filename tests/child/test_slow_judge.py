"""Records that are slow to judge hold no shard up: the process lives, and its checkpoint moves."""

from pathlib import Path

from tests.child.broken.slow_judge import SLOW
from tests.child.serving import holding
from tests.support.fake_daemon import Child, Lease
from tests.support.indexing import letters_of, write_index_properties
from tests.support.servers import Server

JUDGE = "tests.child.broken.slow_judge"
NOBODY = "http://127.0.0.1:9"


def test_a_delivery_that_takes_longer_than_a_process_may_hang(letters: Server, folder: Path) -> None:
    """Twelve records of 0.4 s of CPU, and 3 s without a sign of life end a process: all are set aside on the way."""
    properties = write_index_properties(folder, letters.endpoint, NOBODY, stuckSeconds=3)
    lease = Lease(records=holding([SLOW] * 12))
    with Child(properties, lease, JUDGE) as child:
        child.initialize()
        child.deliver()
        assert child.logs("stuck") == []
        assert len(letters_of(letters)) >= 9  # but for those of the last second
        assert len(lease.history) >= 3
        child.exchange({"action": "shutdownRequested"})
    assert lease.checkpoint == lease.records[-1].position
    assert len(letters_of(letters)) == 12
