"""A stream that is rejected as a whole is paused, not poured into the dead letters."""

from pathlib import Path

from tests.child.serving import events, exact, fleet, holding, joined, served_aside, started
from tests.support.indexing import id_of, ids_in, letters_of, write_index_properties
from tests.support.search import SearchNode
from tests.support.servers import Server

RECORDS = 400
KEYS_OF_PAUSE = {"index.pauseRecords": 100, "index.maxRecords": 200, "index.name": "test-events-pause"}
WRONG = {"mappings": {"dynamic": "strict", "properties": {"@timestamp": {"type": "date"}}}}


def test_wrong_mapping_pauses_until_it_is_mended(search: SearchNode, letters: Server, folder: Path) -> None:
    """A mapping that refuses everything: an alarm, no dead letter, no checkpoint. Once mended it goes on by itself."""
    search.ask("PUT", "/test-events-pause", WRONG)
    records = holding([b'{"event":"playing","unknown":%d}' % number for number in range(RECORDS)])
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **KEYS_OF_PAUSE)
    with started(properties, records) as child:
        thread = served_aside(child)
        alarm = child.await_log("waiting")
        assert alarm["level"] == "error"
        assert "strict_dynamic_mapping_exception 200" in alarm["reason"]
        assert "let-through" in alarm["remedy"]
        assert (ids_in(search), letters_of(letters), child.lease.history) == ([], [], [])
        search.ask("PUT", "/test-events-pause/_mapping", {"dynamic": False})
        joined(thread)
    assert exact(search, letters, records) == []


def test_rejected_stream_is_let_through_by_a_command(search: SearchNode, letters: Server, folder: Path) -> None:
    """What nothing can mend passes by an operator's word, and every record is a dead letter."""
    records = holding([b"not json %d" % n for n in range(RECORDS)])
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **KEYS_OF_PAUSE)
    with started(properties, records) as child:
        thread = served_aside(child)
        child.await_log("waiting")
        assert (ids_in(search), letters_of(letters), child.lease.history) == ([], [], [])
        done = fleet("dead-letters", "let-through", "--for", "1h", properties)
        assert done.returncode == 0, done.stderr
        joined(thread)
    assert exact(search, letters, records, bad={id_of(record): "json_invalid" for record in records}) == []


def test_few_rejected_records_do_not_pause(search: SearchNode, letters: Server, folder: Path) -> None:
    """A share below the limit goes to the dead letters without a pause."""
    records = events(RECORDS)
    for at in range(0, RECORDS, 10):
        records[at] = holding([b"bad"] * RECORDS)[at]
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **KEYS_OF_PAUSE)
    with started(properties, records) as child:
        thread = served_aside(child)
        joined(thread)
        assert not child.logs("waiting")
    bad = {id_of(records[at]): "json_invalid" for at in range(0, RECORDS, 10)}
    assert exact(search, letters, records, bad=bad) == []
