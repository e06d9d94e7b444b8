"""Dead letters are put through again by one command, and a data stream takes events as an index does."""

import json
from pathlib import Path
from typing import Any

from tests.child.serving import drained, events, exact, fleet, holding, started
from tests.support.bad_events import good_event
from tests.support.indexing import id_of, ids_in, index_faults, letters_of, write_index_properties
from tests.support.search import SearchNode
from tests.support.servers import Server


def redriven(properties: Path) -> dict[str, Any]:
    """Put all dead letters through again; what the command says of it."""
    done = fleet("dead-letters", "redrive", "--json", properties)
    assert done.returncode in {0, 1}, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_redrive_after_the_mapping_was_mended(search: SearchNode, letters: Server, folder: Path) -> None:
    """What the mapping refused becomes a document, what is no JSON stays a letter, and a second run adds nothing."""
    name = "test-events-redrive"
    search.ask("PUT", f"/{name}", {"mappings": {"dynamic": "strict"}})
    records = holding([good_event(0), b'{"event":"playing","extra":1}', b"no json", good_event(1)])
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.name": name})
    with started(properties, records) as child:
        drained(child)
    refused, undecoded = id_of(records[1]), id_of(records[2])
    before = {refused: "strict_dynamic_mapping_exception", undecoded: "json_invalid"}
    assert exact(search, letters, records, bad=before) == []
    search.ask("PUT", f"/{name}/_mapping", {"dynamic": False})
    for _ in range(2):
        redriven(properties)
        assert exact(search, letters, records, bad={undecoded: "json_invalid"}) == []


def test_redrive_of_what_was_delivered_since(search: SearchNode, letters: Server, folder: Path) -> None:
    """What is a dead letter and, delivered again, a document too counts as delivered: redrive finds it there."""
    name = "test-events-redrive"
    search.ask("PUT", f"/{name}", {"mappings": {"dynamic": "strict"}})
    records = holding([b'{"event":"playing","extra":1}'])
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.name": name})
    with started(properties, records) as child:
        drained(child)
        child.lease.checkpoint = "TRIM_HORIZON"
        search.ask("PUT", f"/{name}/_mapping", {"dynamic": False})
    with started(properties, records) as child:
        drained(child)
    assert ids_in(search) == [id_of(records[0])]
    assert len(letters_of(letters)) == 1
    redriven(properties)
    assert (ids_in(search), letters_of(letters)) == ([id_of(records[0])], [])


def test_data_stream(search: SearchNode, letters: Server, folder: Path) -> None:
    """The command installs the template of a data stream; each event stands in it once, also after a replay."""
    keys = {"index.name": "test-stream", "index.dataStream": "true"}
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **keys)
    installed = fleet("index-template", properties)
    assert installed.returncode == 0, installed.stderr
    records = events(60)
    for _ in range(2):
        with started(properties, records) as child:
            drained(child)
    backing = ".ds-test-stream-*"
    assert index_faults(ids_in(search, backing), letters_of(letters), map(id_of, records)) == []
    assert {hit["_source"]["@timestamp"] for hit in search.hits(backing)} == {records[0].arrival_ms}


def test_template_is_never_changed_silently(search: SearchNode, letters: Server, folder: Path) -> None:
    """A template that differs is shown and left alone, until somebody says that it is to be replaced."""
    properties = write_index_properties(folder, letters.endpoint, search.endpoint, **{"index.name": "test-other-%Y"})
    assert fleet("index-template", "--dry-run", properties).returncode == 1
    assert fleet("index-template", properties).returncode == 0
    assert "present" in fleet("index-template", properties).stdout
    path = "/_index_template/kinesis-fleet-test-other"
    theirs = {"index_patterns": ["test-other-*"], "priority": 200, "template": {"mappings": {"dynamic": True}}}
    search.ask("PUT", path, theirs)
    shown = fleet("index-template", properties)
    assert (shown.returncode, "mappings.dynamic" in shown.stdout) == (1, True)
    _, standing = search.ask("GET", path)
    assert standing["index_templates"][0]["index_template"]["template"]["mappings"]["dynamic"] in {True, "true"}
    assert fleet("index-template", "--replace", properties).returncode == 0
    assert "present" in fleet("index-template", properties).stdout
