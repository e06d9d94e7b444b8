"""Records that are slow to judge hold no shard up: the process lives, and its checkpoint moves."""

from pathlib import Path

import pytest

from consumers.alive import EX_STUCK
from consumers.letters.starts import CAREFUL_FROM
from tests.child.broken.slow_judge import ENDLESS, SLOW
from tests.child.serving import holding
from tests.support.fake_daemon import Child, ChildDied, Lease
from tests.support.indexing import letters_of, write_index_properties
from tests.support.servers import Server

JUDGE = "tests.child.broken.slow_judge"
NOBODY = "http://127.0.0.1:9"


def test_a_delivery_that_takes_longer_than_a_process_may_hang(letters: Server, folder: Path) -> None:
    """Fourteen records of 0.4 s of CPU, where 4 s without a sign of life end it: all are set aside on the way."""
    properties = write_index_properties(folder, letters.endpoint, NOBODY, stuckSeconds=4)
    lease = Lease(records=holding([SLOW] * 14))
    with Child(properties, lease, JUDGE) as child:
        child.initialize()
        child.deliver()
        assert len(letters_of(letters)) >= 11  # but for those of the last second
        assert len(lease.history) >= 3
        child.exchange({"action": "shutdownRequested"})
    assert lease.checkpoint == lease.records[-1].position
    assert len(letters_of(letters)) == 14


def test_a_record_without_an_end_is_named(letters: Server, folder: Path) -> None:
    """It ends three processes as stuck; the next tries it apart, and sets it aside by the CPU time that it took."""
    properties = write_index_properties(folder, letters.endpoint, NOBODY, stuckSeconds=3)
    lease = Lease(records=holding([b"1", ENDLESS, b"1"]))
    for _ in range(CAREFUL_FROM - 1):
        with Child(properties, lease, JUDGE) as child:
            child.initialize()
            with pytest.raises(ChildDied):
                child.deliver()
            assert child.process.wait() == EX_STUCK
    with Child(properties, lease, JUDGE) as child:
        child.initialize()
        child.deliver()
        child.exchange({"action": "shutdownRequested"})
        [found] = child.logs("killer_found")
    assert found["position"] == str(lease.records[1].position)
    assert [one.reason for one in letters_of(letters)] == ["not_object", "too_slow", "not_object"]
    assert lease.checkpoint == lease.records[-1].position
