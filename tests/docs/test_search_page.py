"""What the page on the search index states is what the code does: documents, reasons, names, answers, templates."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from consumers.config.settings import load
from consumers.documents.decode import Limits, decode
from consumers.documents.document import Decoded, Reason, Rejected
from consumers.letters.letter import KILLS_PROCESS, TOO_SLOW
from consumers.records import HOUR_MS, Record
from consumers.registry import CONSUMERS
from consumers.search.answers import Refused, TooLarge, items_of
from consumers.search.items import REMEDIES, Item, ItemError, Outcome, outcome_of
from consumers.search.judge import Judge
from consumers.search.names import IndexNames
from consumers.search.server import Answer
from consumers.search.settings import IndexSettings, faults
from consumers.search.shape import Shape, paths_of
from consumers.search.template import template_of
from consumers.waiting import Unavailable
from tests.docs.pages import ROOT, page
from tests.memory_store import MemoryStore

PAGE = page("docs/search-index.md")
SHAPE_KEYS = ("index.keep", "index.drop", "index.rename", "index.include", "index.exclude")
ITEMS = [row for row in PAGE.rows("What the server answers") if len(row) == 4]
WHOLE = [row for row in PAGE.rows("What the server answers") if len(row) == 2]
SAID = {
    "waits, and can be let through": Outcome.STUCK,
    "indexed": Outcome.INDEXED,
    "duplicate": Outcome.DUPLICATE,
    "dead letter": Outcome.REJECTED,
    "sent again": Outcome.AGAIN,
    "waits for you": Outcome.OPERATOR,
}


def words(cell: str) -> list[str]:
    """Give what stands in code type in a cell."""
    return re.findall("`([^`]+)`", cell)


def at(text: str) -> int:
    """Give a moment of 2026-01-31 in UTC milliseconds."""
    hour, minute = map(int, text.split(":"))
    return int(datetime(2026, 1, 31, hour, minute, tzinfo=UTC).timestamp() * 1000)


def named(store: MemoryStore, template: str, hour: int) -> str:
    """Start a process with a name, and ask for an hour's index."""
    names = IndexNames(store, "app", template)
    names.learn({hour})
    return names.of(hour)


def test_document_on_the_page_is_what_is_sent() -> None:
    """The two lines are those that the judge makes of the record in them, with the default name."""
    block = PAGE.blocks("text")[0]
    action, document = block.splitlines()
    stream, shard, sequence, sub = json.loads(action)["create"]["_id"].split(":")
    fields = json.loads(document)
    arrival_ms = fields.pop("@timestamp")
    payload = json.dumps(fields, separators=(",", ":")).encode()
    (name,) = [field.default for field in msgspec.structs.fields(IndexSettings) if field.name == "name"]
    hour = arrival_ms // HOUR_MS
    judge = Judge(stream, shard, lambda _: named(MemoryStore(), name, hour), Shape(), Limits())
    assert judge.judge(Record(payload, "k", sequence, arrival_ms, int(sub))) == (block.encode(),)


def test_each_reason_is_explained() -> None:
    """The table has the reasons that the code gives, and no other."""
    rows = [row[0].strip("`") for row in PAGE.rows("What becomes of a payload")]
    assert sorted(rows) == sorted([*get_args(Reason), "field_conflict", KILLS_PROCESS, TOO_SLOW])


@pytest.mark.parametrize(
    ("reason", "example"),
    [(row[0].strip("`"), words(row[1])[0]) for row in PAGE.rows("What becomes of a payload") if words(row[1])],
)
def test_examples_are_rejected_for_their_reason(reason: str, example: str) -> None:
    """Each payload that the table shows has the fate that it stands for."""
    rejected = decode(example.encode(), Limits())
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


def test_limits_are_the_ones_that_the_page_names() -> None:
    """A hundred brackets and ten thousand documents pass; one more does not."""
    assert "nested more than 100 deep" in PAGE.text
    assert "more than 10,000 documents" in PAGE.text
    for inner, most in (("[", 99), ("[", 100)):
        deep = b'{"a":' + inner.encode() * most + b"]" * most + b"}"
        assert isinstance(decode(deep, Limits()), Decoded) == (most == 99)
    assert isinstance(decode(b"{}" * 10_000, Limits()), Decoded)
    assert isinstance(decode(b"{}" * 10_001, Limits()), Rejected)


@pytest.mark.parametrize("row", list(PAGE.rows("What nginx escapes")), ids=lambda row: row[0])
def test_nginx_is_repaired_as_shown(row: list[str]) -> None:
    """What nginx wrote becomes the source that the table shows."""
    read = decode(words(row[0])[0].encode(), Limits())
    assert isinstance(read, Decoded)
    assert [document.source.decode() for document in read.documents] == [words(row[1])[0]]


def test_names_of_indices_are_accepted() -> None:
    """Each name of the table is one that `check` takes."""
    for row in PAGE.rows("Names of indices"):
        settings = IndexSettings(letters_bucket="a-bucket", url="https://a", name=words(row[0])[0])
        assert list(faults(settings)) == []


@pytest.mark.parametrize(("changed", "effect"), re.findall(r"(\d\d:\d\d)[^:]{1,14} at (\d\d:\d\d)", PAGE.text))
def test_a_changed_name_takes_effect_at_the_hour_that_the_page_says(changed: str, effect: str) -> None:
    """The hour before has the former name, whoever asks, and the hour itself the new one."""
    store = MemoryStore()
    store.clock_ms = lambda: at("12:00")
    assert named(store, "old", at("12:00") // HOUR_MS) == "old"
    store.clock_ms = lambda: at(changed)
    hour = at(effect) // HOUR_MS
    assert (named(store, "new", hour - 1), named(store, "new", hour)) == ("old", "new")


def test_there_are_two_examples_of_a_change() -> None:
    """The test above has found what the page says."""
    assert len(re.findall(r"(\d\d:\d\d)[^:]{1,14} at (\d\d:\d\d)", PAGE.text)) == 2


def test_template_of_the_page_is_one(tmp_path: Path) -> None:
    """The JSON that the page gives to begin with is taken, and makes the template that it names."""
    path = tmp_path / "template.json"
    (block,) = [block for block in PAGE.blocks("json") if "mappings" in block]
    path.write_text(block)
    template = template_of("player-events-%Y.%m.%d", str(path), data_stream=False)
    assert template.name in PAGE.words
    assert (template.body["index_patterns"], template.body["priority"]) == (["player-events-*"], 200)


def test_default_template_is_as_described() -> None:
    """It does not grow, and new documents are found after five seconds."""
    body = template_of("player-events-%Y.%m.%d", "epas", data_stream=False).body["template"]
    assert body["mappings"]["dynamic"] is False
    assert body["settings"]["index.refresh_interval"] == "5s"


def loaded(folder: Path, *lines: str) -> IndexSettings:
    """Load the minimal file with these lines."""
    text = (ROOT / "properties" / "elasticsearch_index.minimal.properties").read_text(encoding="utf-8")
    path = folder / "index.properties"
    path.write_text("\n".join((text, *lines)), encoding="utf-8")
    environment = {"SEARCH_URL": "https://search.example", "DEAD_LETTERS_BUCKET": "a-bucket"}
    section: IndexSettings = load(path, CONSUMERS, environment=environment).section
    return section


def test_paths_name_what_the_table_says() -> None:
    """What each path names in its document is dropped, and nothing is left there."""
    rows = list(PAGE.rows("What a path means"))
    assert len(rows) == 4
    for path, document, _ in rows:
        fields = json.loads(words(document)[0])
        left = Shape(drop=paths_of(words(path)[0])).apply(fields)
        assert left in ({}, {"payload": {}}, {"items": [{}, {}]})


def test_fields_of_the_table_are_accepted(tmp_path: Path) -> None:
    """Each example is a value of its key, and all five keys have one."""
    rows = {words(row[0])[0]: words(row[1])[0] for row in PAGE.rows("Fields, and leaving documents out")}
    assert tuple(rows) == SHAPE_KEYS
    loaded(tmp_path, *(f"{key} = {value}" for key, value in rows.items()))


def test_properties_of_the_page_are_accepted(tmp_path: Path) -> None:
    """What it shows beside the unit is a whole way to authenticate."""
    (block,) = [block for block in PAGE.blocks("properties") if "consumer = " not in block]
    assert loaded(tmp_path, block).credential_file == "/etc/kinesis-fleet/search"


@pytest.mark.parametrize("row", list(PAGE.rows("Servers and authentication")), ids=lambda row: row[0])
def test_ways_to_authenticate_exist(row: list[str]) -> None:
    """Each way of the table is a value of index.auth."""
    (auth,) = [field.type for field in msgspec.structs.fields(IndexSettings) if field.name == "auth"]
    assert words(row[0])[0] in get_args(get_args(auth)[0])


@pytest.mark.parametrize("row", ITEMS, ids=lambda row: f"{row[0]} {row[1]}"[:50])
def test_items_have_the_outcome_of_the_table(row: list[str]) -> None:
    """Each status with each type of its row has the outcome that the row says."""
    statuses = [int(found) for found in re.findall(r"\d{3}", row[0])] or [400, 403, 404, 429, 500]
    errors = [ItemError(one) for one in words(row[1]) + ["another_exception"] * ("other" in row[1])]
    expected = SAID[next(said for said in SAID if row[2].startswith(said))]
    for status in statuses:
        for item in [Item(status, error) for error in errors] or [Item(status)]:
            assert outcome_of(item) is expected


def test_each_error_that_waits_stands_in_the_table() -> None:
    """None of those that an operator has to act on is missing."""
    types = {one for row in ITEMS if row[2].startswith("waits") for one in words(row[1])}
    assert types == set(REMEDIES)


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row[0][:50])
def test_whole_answers_have_the_outcome_of_the_table(row: list[str]) -> None:
    """Each status of an answer as a whole is taken as its row says."""
    expected: dict[str, type[Exception]] = {"halved": TooLarge, "ends": Refused}
    fault = expected.get(row[1].split()[0], Unavailable)
    for status in re.findall(r"\d{3}", row[0]):
        with pytest.raises(fault) as raised:
            items_of(Answer(int(status), b'{"error":{"type":"no"}}', "application/json"), 1)
        if isinstance(raised.value, Unavailable):
            assert raised.value.operator == ("waits" in row[1] or "alarm" in row[1])
