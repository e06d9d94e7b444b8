"""A record that kills the process is found by evidence that names it, and the shard lives."""

from pathlib import Path

from consumers.letters.starts import CAREFUL_FROM
from tests.child.broken.dies_of_a_record import KILLS
from tests.child.serving import holding
from tests.support.bad_events import good_event
from tests.support.fake_daemon import Child, ChildDied, Lease
from tests.support.indexing import id_of, ids_in, index_faults, letters_of, write_index_properties
from tests.support.search import SearchNode
from tests.support.servers import Server

DEADLY = "tests.child.broken.dies_of_a_record"
RECORDS = 60
KILLER = 37


def deaths_until_done(properties: Path, lease: Lease, most: int = 10) -> int:
    """Start children until one has drained everything; how many died."""
    for died in range(most):
        with Child(properties, lease, DEADLY) as child:
            try:
                child.initialize()
                while child.deliver(1000):
                    pass
                child.exchange({"action": "shutdownRequested"})
            except ChildDied:
                continue
            return died
    message = f"no child came through in {most} starts"
    raise AssertionError(message)


def test_killer_goes_to_the_dead_letters(search: SearchNode, letters: Server, folder: Path) -> None:
    """The process dies until its beginnings stand out; then the record is tried apart, and named by its deaths."""
    lease = Lease(records=holding([KILLS if n == KILLER else good_event(n) for n in range(RECORDS)]))
    properties = write_index_properties(folder, letters.endpoint, search.endpoint)
    # The first process gets through the request before the killer's: its death lies at another place.
    assert deaths_until_done(properties, lease) == CAREFUL_FROM
    killer = id_of(lease.records[KILLER])
    ids = map(id_of, lease.records)
    assert index_faults(ids_in(search), letters_of(letters), ids, bad={killer: "kills_process"}) == []
    assert lease.checkpoint == lease.records[-1].position
    lease.checkpoint = "TRIM_HORIZON"  # what is known of it outlives the process, also for a replay
    assert deaths_until_done(properties, lease) <= CAREFUL_FROM
    ids = map(id_of, lease.records)
    assert index_faults(ids_in(search), letters_of(letters), ids, bad={killer: "kills_process"}) == []


def test_innocent_records_are_not_condemned(search: SearchNode, letters: Server, folder: Path) -> None:
    """A process that is killed from outside at one place, again and again, condemns nobody: all are documents."""
    lease = Lease(records=holding([good_event(n) for n in range(RECORDS)]))
    properties = write_index_properties(folder, letters.endpoint, search.endpoint)
    for _ in range(CAREFUL_FROM + 2):
        with Child(properties, lease) as child:
            child.initialize()
            child.send_records(lease.records[:20])
            assert child.read()["action"] in {"checkpoint", "status"}
            child.process.kill()
    assert deaths_until_done(properties, lease) == 0
    assert index_faults(ids_in(search), letters_of(letters), map(id_of, lease.records)) == []
