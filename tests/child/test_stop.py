"""A stop while a destination is away: the real child answers in time, commits nothing, and lets the daemon leave."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.kcl.stopping import AWAY_S, SIGN
from consumers.records import Record
from tests.child.serving import events, holding
from tests.core.test_stopping import SAID
from tests.support.archive import BUCKET, archive_of, faults_of, write_properties
from tests.support.fake_daemon import Child, Lease, new_records
from tests.support.indexing import write_index_properties
from tests.support.proxy import Call, FaultProxy, fault_proxy
from tests.support.search import SearchNode
from tests.support.servers import Server
from tests.support.staging import TABLE, World

LEFT_S = AWAY_S
"""What a stop leaves a call: where it was refused, whatever a flush may take; where it hangs, as long as a flush."""
SHORT = {"flushTimeoutSeconds": 6, "kinesisEndpoint": "http://127.0.0.1:9"}
HANGING_S = 60
MARGIN_S = 4  # a busy machine; a call's own time-outs are longer


def errors(call: Call) -> None:
    """Answer as a service that is away."""
    call.status = 503


def silence(call: Call) -> None:
    """Take the call, and never answer."""
    call.before = lambda: time.sleep(HANGING_S)


FAULTS = pytest.mark.parametrize(
    ("fault", "keys"), [(errors, SHORT), (silence, {**SHORT, "flushTimeoutSeconds": LEFT_S})]
)
Fault = Callable[[Call], None]


def cut_short(child: Child, proxy: FaultProxy, fault: Fault, records: list[Record]) -> None:
    """Deliver while the destination is away, stop, and see the child leave with nothing committed."""
    child.initialize()
    proxy.fault = fault
    seen = len(proxy.calls)
    child.send_records(records)
    until = time.monotonic() + 60
    while len(proxy.calls) == seen:
        assert time.monotonic() < until, child.log.read_text()
        time.sleep(0.02)  # the proxy tells nobody that it was called
    sign = child.log.with_name(SIGN)
    sign.write_bytes(SAID)
    asked = time.monotonic()
    child.await_status("processRecords")
    assert LEFT_S - 0.5 <= time.monotonic() - asked <= LEFT_S + MARGIN_S
    child.exchange({"action": "shutdownRequested"})
    child.exchange({"action": "leaseLost"})
    assert child.close() == 0
    assert time.monotonic() - asked <= LEFT_S + MARGIN_S
    assert [line["level"] for line in child.logs("drain_cut_short")] == ["warning"]
    assert not [line for line in child.logs() if line["level"] == "error"]
    assert child.lease.history == []
    sign.unlink()
    proxy.fault = lambda _call: None


@FAULTS
def test_the_archives_bucket(
    proxy: FaultProxy, s3: Server, folder: Path, fault: Fault, keys: dict[str, object]
) -> None:
    """A bucket that answers with errors, or with nothing: what it did not take is delivered again, and stands once."""
    properties = write_properties(folder, proxy.endpoint, **{**keys, "archive.maxRecords": 5})
    lease = Lease(records=new_records(12))
    with Child(properties, lease) as child:
        cut_short(child, proxy, fault, lease.records)
    with Child(properties, lease) as child:
        child.initialize()
        child.deliver()
        child.exchange({"action": "shutdownRequested"})
    assert faults_of(archive_of(s3), lease.records) == []


@FAULTS
def test_the_search_server(
    search: SearchNode, letters: Server, folder: Path, fault: Fault, keys: dict[str, object]
) -> None:
    """The same for the server of the index."""
    with fault_proxy(search.endpoint) as proxy:
        properties = write_index_properties(folder, letters.endpoint, proxy.endpoint, **keys)
        records = events(30)
        with Child(properties, Lease(records=records)) as child:
            cut_short(child, proxy, fault, records)


def test_the_bucket_of_dead_letters(search: SearchNode, letters: Server, folder: Path) -> None:
    """The same where a rejected record cannot be put."""
    with fault_proxy(letters.endpoint) as proxy:
        properties = write_index_properties(folder, proxy.endpoint, search.endpoint, **SHORT)
        records = holding([b"no json"] * 30)
        with Child(properties, Lease(records=records)) as child:
            cut_short(child, proxy, errors, records)


def test_the_staging_bucket(letters: Server, folder: Path) -> None:
    """The same for the rows of a table."""
    with fault_proxy(letters.endpoint) as proxy:
        world = World(folder)
        world.keys |= SHORT
        at = {"endpoint": proxy.endpoint, "bucket": BUCKET, "maxRecords": 5}
        dead = {"deadLetters.endpoint": letters.endpoint, "deadLetters.bucket": BUCKET}
        world.write(TABLE, **at, **dead)
        records = holding([b'{"amount":%d}' % number for number in range(12)])
        with Child(folder / "redshift_stage.properties", Lease(records=records)) as child:
            cut_short(child, proxy, errors, records)


def test_a_shard_that_comes_after_the_stop(letters: Server, folder: Path) -> None:
    """It is answered at once, and nothing is asked of the destination, which may well be there."""
    with fault_proxy(letters.endpoint) as proxy:
        properties = write_properties(folder, proxy.endpoint, **SHORT)
        folder.joinpath(SIGN).write_bytes(SAID)
        with Child(properties, Lease(records=new_records(12))) as child:
            child.initialize()
            child.deliver()
            child.exchange({"action": "leaseLost"})
            assert child.close() == 0
            assert [line["shard"] for line in child.logs("shard_not_taken")] == [child.lease.shard]
        assert (proxy.calls, child.lease.history) == ([], [])
