"""Records without a partition key, as a stream has them that distributes its records itself."""

import pytest

from tests.daemon.audit import faults_in
from tests.daemon.putting import last_in, put_aggregate, put_without_keys
from tests.daemon.stage import Stage

pytestmark = pytest.mark.daemon
RECORDS = 2_000
EVERY = 50


def test_one_in_fifty_records_has_no_key(stage: Stage) -> None:
    """KCL hands them on, and the archive has all records byte for byte, with keys that are absent and not empty.

    An aggregate whose record has none is taken apart as any other: its own records have theirs.
    """
    properties = stage.properties()
    stage.prepare(properties)
    with stage.daemon(properties) as daemon:
        daemon.await_shards("shard_taken", 2)
        expected = put_without_keys(stage, RECORDS, EVERY)
        expected |= put_aggregate(stage, 0, [b"aggregated %d" % n for n in range(20)], keyless=True)
        stage.await_committed(last_in(expected))
        daemon.drain()
        assert not daemon.lines("record_set_aside")
    assert sum(put.partition_key is None for put in expected.values()) == RECORDS // EVERY
    assert faults_in(stage, expected) == []
