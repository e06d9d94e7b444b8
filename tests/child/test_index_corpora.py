"""Difficult JSON and strings of strangers' collections, through the whole consumer into a real OpenSearch."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.child.serving import drained, holding, started
from tests.support.corpora import json_test_suite, naughty_strings
from tests.support.indexing import INDICES, id_of, ids_in, index_faults, letters_of, write_index_properties
from tests.support.search import SearchNode
from tests.support.servers import Server

OUTCOMES = Path(__file__).with_name("corpora.json")
"""What each payload comes to: `indexed`, or the reason of its dead letter. Written once, and read by people."""
REPAIRED = "n_string_escape_x.json"  # no JSON, but just what nginx makes of it


def payloads() -> dict[str, bytes]:
    """Give each file as it is and inside an object, and each string as a value and as a key."""
    named: dict[str, bytes] = {}
    for name, content in json_test_suite().items():
        named[name] = content
        named[f"{name} in an object"] = b'{"v":%b}' % content
    for number, text in enumerate(naughty_strings()):
        named[f"string {number} as a value"] = json.dumps({"v": text}).encode()
        named[f"string {number} as a key"] = json.dumps({text: 1}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return named


def test_each_comes_to_what_is_expected(search: SearchNode, letters: Server, folder: Path) -> None:
    """Each payload is one document or one dead letter, as the table says, and what is indexed reads as it was put."""
    named = payloads()
    assert (len(json_test_suite()), len(naughty_strings())) == (318, 485)
    records = holding(list(named.values()))
    keys = {"index.maxRecords": 500, "index.pauseShare": 0.99}
    with started(write_index_properties(folder, letters.endpoint, search.endpoint, **keys), records) as child:
        drained(child)
        said = child.logs("indexed")[-1]
    found = {id_of(record): name for record, name in zip(records, named, strict=True)}
    dead = {f"{one.stream}:{one.shard}:{one.sequence}:{one.sub}": one for one in letters_of(letters)}
    reasons = {found[at]: letter.reason for at, letter in dead.items()}
    outcomes = {name: reasons.get(name, "indexed") for name in named}
    assert outcomes == json.loads(OUTCOMES.read_text())
    assert index_faults(ids_in(search), list(dead.values()), found, bad=dict.fromkeys(dead, "")) == []
    assert said["records"] == sum(said[fate] for fate in ("indexed", "duplicates", "dead_letters", "filtered"))
    _read_as_put(search, {at: named[name] for at, name in found.items() if at not in dead and REPAIRED not in name})


def _read_as_put(search: SearchNode, expected: Mapping[str, bytes]) -> None:
    sources = {hit["_id"]: hit["_source"] for hit in search.hits(INDICES)}
    for at, payload in expected.items():
        put = json.loads(payload)
        assert {name: value for name, value in sources[at].items() if name != "@timestamp"} == put


def test_table_has_no_surprise() -> None:
    """What must be rejected is, and what must be accepted is but for top-level values that are no objects."""
    outcomes = json.loads(OUTCOMES.read_text())
    for name, outcome in outcomes.items():
        if name.startswith("n_") and not name.startswith(REPAIRED):
            assert outcome != "indexed", name
        if name.startswith("y_"):
            accepted = {"indexed", "duplicate_key"} | (
                set() if name.endswith("in an object") else {"not_object", "empty"}
            )
            assert outcome in accepted | {"mapper_parsing_exception"}, name
