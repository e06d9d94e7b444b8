"""What the pages state is what the code has: links, keys with their defaults, log events."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consumers.audit.progress import Audited
from consumers.chain.link import Link
from consumers.config.kcl_keys import KCL_KEYS, REFUSED
from consumers.config.keys import COMMON_KEYS, Common
from consumers.hours.hours import Frontier
from consumers.hours.manifest import Hole, Manifest, Note, Seal, SealedObject, ShardObjects, Totals
from consumers.hours.mark import Mark, Tail
from consumers.hours.overdue import Said
from consumers.hours.reading import Gap
from consumers.kcl.holding import Held
from consumers.kcl.known import KnownStream
from consumers.kcl.rivals import Run
from consumers.kcl.sampling import Dropped, Sample
from consumers.letters.permit import LetThrough
from consumers.letters.starts import Condemned, StartState
from consumers.records import Position
from consumers.registry import CONSUMERS
from consumers.s3_archive import ArchiveSettings
from consumers.search.batch import Tally
from consumers.search.names import Name
from consumers.search.settings import IndexSettings
from tests.docs.pages import ROOT, Page, name_of, page, pages

PAGES = pages()
LEVELS = {"debug", "info", "warning", "error"}
# Words in camel case that are no keys: columns of the index, rows of the lease table, a value, fields of events, names
# in the JSON of hours and of the search index.
HOURS = (Seal, Manifest, Note, ShardObjects, SealedObject, Totals, Hole, Mark, Tail, Gap, Frontier, Said, Audited)
STATE = (Run, KnownStream)
SEARCH = (Name, StartState, Condemned, LetThrough)
NO_KEYS = {
    *("sequenceNumber", "subSequenceNumber", "arrivalMs", "partitionKey", "checkpointSubSequenceNumber"),
    *("apiKey", "sessionId", "leaseCounter"),
    *(
        field.encode_name
        for struct in (*HOURS, *SEARCH, *STATE, Held, Sample, Dropped)
        for field in msgspec.structs.fields(struct)
    ),
}


def known_keys() -> set[str]:
    """Give every key that a file may hold, and those that are refused with a reason."""
    sections = {
        f"{consumer.section}.{field.encode_name}"
        for consumer in CONSUMERS.values()
        for field in msgspec.structs.fields(consumer.settings)
    }
    return {*KCL_KEYS, *REFUSED, *COMMON_KEYS, *sections}


@pytest.mark.parametrize("of", PAGES, ids=name_of)
def test_relative_links_resolve(of: Page) -> None:
    """Each link within the project leads to a file, and to a heading of it where it names one."""
    broken = []
    for link in of.links:
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        path = (of.path.parent / target).resolve() if target else of.path
        if not path.exists() or (anchor and anchor not in page(str(path.relative_to(ROOT))).anchors):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("of", PAGES, ids=name_of)
def test_keys_exist(of: Page) -> None:
    """Each key of a properties file that a page mentions is one that `check` knows."""
    sections = "|".join([*(consumer.section for consumer in CONSUMERS.values()), "jvm", "log"])
    dotted = re.compile(rf"(?:{sections})(?:\.[A-Za-z]+)+")
    camel = re.compile(r"[a-z]+(?:[A-Z][A-Za-z0-9]*)+")
    mentioned = {word for word in of.words if dotted.fullmatch(word) or camel.fullmatch(word)}
    for block in of.blocks("properties"):
        mentioned |= {line.partition("=")[0].strip() for line in block.splitlines() if "=" in line}
    assert mentioned - known_keys() - NO_KEYS == set()


def defaults_of(struct: type[msgspec.Struct], prefix: str) -> dict[str, str]:
    """Give a struct's keys with their defaults, as the table writes them."""
    return {prefix + field.encode_name: written(field.default) for field in msgspec.structs.fields(struct)}


def written(default: object) -> str:
    """Write a default as the table does."""
    if default is msgspec.NODEFAULT:
        return "required"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) or "none"


@pytest.mark.parametrize(
    ("heading", "struct", "prefix", "files"),
    [
        ("The fleet's keys", Common, "", ("s3_archive", "elasticsearch_index")),
        ("The archive's keys", ArchiveSettings, "archive.", ("s3_archive",)),
        ("The index's keys", IndexSettings, "index.", ("elasticsearch_index",)),
    ],
)
def test_tables_of_keys_are_complete(
    heading: str, struct: type[msgspec.Struct], prefix: str, files: tuple[str, ...]
) -> None:
    """The tables list every own key with its default, and the full files show each of them."""
    rows = {row[0].strip("`"): row[1].strip("`") for row in page("docs/configuration.md").rows(heading)}
    assert rows == defaults_of(struct, prefix)
    for name in files:
        full = (ROOT / "properties" / f"{name}.full.properties").read_text()
        shown = {line.lstrip("#").partition("=")[0].strip() for line in full.splitlines() if "=" in line}
        assert set(rows) - shown == set()


def test_each_consumer_with_a_page_of_its_own_has_its_keys_explained() -> None:
    """The keys of the others are what `kinesis-fleet keys` prints."""
    keys = page("docs/configuration.md").words
    for consumer in (CONSUMERS["s3_archive"], CONSUMERS["elasticsearch_index"], CONSUMERS["redshift_stage"]):
        names = {f"{consumer.section}.{field.encode_name}" for field in msgspec.structs.fields(consumer.settings)}
        assert names - set(keys) == set()


def test_tamed_values_of_kcl() -> None:
    """The table of KCL's keys gives the values that the fleet fills in."""
    rows = list(page("docs/configuration.md").rows("KCL's keys"))
    values = {row[0].strip("`"): row[1].partition(",")[0] for row in rows}
    tamed = {name: KCL_KEYS[name].tamed for name in values if KCL_KEYS[name].tamed is not None}
    assert {name: values[name] for name in tamed} == tamed
    refused = page("docs/configuration.md").prose.partition("\nRefused:")[2]
    assert set(re.findall(r"`(\w+)`", refused)) - {"check"} == set(REFUSED)


@pytest.mark.parametrize(
    ("heading", "structs"),
    [
        ("Notes, manifests and seals", (Seal, Manifest, Note, ShardObjects, SealedObject, Totals, Hole)),
        ("Marks and the frontier", (Mark, Tail, Gap, Frontier, Said, Audited)),
        ("State of the search index", SEARCH),
    ],
)
def test_names_in_the_json_of_the_state_are_explained(heading: str, structs: tuple[type[msgspec.Struct], ...]) -> None:
    """The format page names every field of what is written besides records under its heading."""
    section = page("docs/format.md").prose.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    names = {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}
    assert names - set(re.findall(r"`([^`\n]+)`", section)) == set()


def test_metadata_is_explained() -> None:
    """The format page has a row for every name in an object's metadata."""
    at = Position(1, 0)
    link = Link(
        stream="s",
        shard="shard",
        first=at,
        last=at,
        after=None,
        origin=None,
        count=1,
        size=1,
        payload_bytes=1,
        first_arrival_ms=0,
        min_arrival_ms=0,
        max_arrival_ms=0,
        sha256="",
        writer="w",
    )
    rows = [name for row in page("docs/format.md").rows("Metadata") for name in re.findall("`([^`]+)`", row[0])]
    assert rows == list(link.metadata())


def modules() -> Iterator[Path]:
    """Give the modules whose lines an operator sees: not those of the demo."""
    package = ROOT / "consumers"
    return (path for path in package.rglob("*.py") if package / "local" not in path.parents)


def events_of(path: Path) -> Iterator[tuple[str, str]]:
    """Find the log events of a module with their levels; `*` where the level is chosen at run time."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        level = called.attr if isinstance(called, ast.Attribute) else "*" if isinstance(called, ast.Name) else ""
        if level not in LEVELS and not (level == "*" and isinstance(called, ast.Name) and called.id == "say"):
            continue
        first = node.args[0]
        named = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
        yield from (
            (part.value, level) for part in named if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )


def test_log_events_are_explained() -> None:
    """Each event that the code logs stands in the operations page at its level, and no other does."""
    logged = {event for path in modules() for event in events_of(path)}
    explained = {(row[0].strip("`"), row[1]) for row in page("docs/operations.md").rows("Log events")}
    assert {event for event, _ in logged} == {event for event, _ in explained}
    assert {pair for pair in logged if pair[1] != "*"} - explained == set()


def test_fields_of_indexed_are_explained() -> None:
    """The account of an index's shard is logged by the names of its tally, and each of them is explained."""
    rows = {row[0].strip("`") for row in page("docs/operations.md").rows("Fields of indexed")}
    assert rows == set(Tally.__dataclass_fields__)


@pytest.mark.parametrize("of", PAGES, ids=name_of)
def test_json_on_the_pages_is_json(of: Page) -> None:
    """Policies, roles and templates can be pasted."""
    for block in of.blocks("json"):
        assert isinstance(msgspec.json.decode(block), dict)
