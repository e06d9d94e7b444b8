"""The files and programs that the pages show work."""

import bz2
import io
import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from consumers.config.consumer import NotReady, ShardContext
from consumers.config.settings import load
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.pipeline import Start
from consumers.records import Position, Record
from consumers.registry import CONSUMERS
from consumers.waiting import Patience
from tests.docs.pages import ROOT, page
from tests.model.fleet import Silent


def test_deployment_of_the_readme_passes_check(tmp_path: Path) -> None:
    """The properties that the README begins with have no fault, and there are some for each consumer."""
    path = tmp_path / "a.properties"
    found = []
    for block in page("README.md").blocks("properties"):
        path.write_text("\n".join(line.strip() for line in block.splitlines()))
        found.append(load(path, CONSUMERS, environment={}).consumer)
    assert found == list(CONSUMERS)


def executed(source: str, name: str) -> ModuleType:
    """Run a page's code as a module."""
    module = ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - it is the page's own
    return module


def some_records(count: int) -> list[Record]:
    """Make records with newlines and bytes that are no text."""
    return [
        Record(b"\xff\n%d" % i, f"k{i}" if i % 7 else None, str(10**55 + i), 1_700_000_000_000 + i, i % 3)
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_reader_of_the_format_page_reads(count: int) -> None:
    """The reader on the page, which knows nothing of this package, gives back what the writer was given."""
    (source,) = page("docs/format.md").blocks("python")
    writer = ObjectWriter(CODECS["gzip"], 1)
    records = some_records(count)
    if records:
        writer.add(records, [record.arrival_ms for record in records])
    content = writer.finish()
    found = list(executed(source, "reader").read(content.body, b"" if content.place == "inside" else content.index))
    assert found == [(r.data, r.sequence_number, r.sub_sequence_number, r.arrival_ms, r.partition_key) for r in records]


def test_reader_of_the_format_page_reads_an_index_beside_the_data() -> None:
    """Its second half reads an object whose index is another object."""
    (source,) = page("docs/format.md").blocks("python")
    writer = ObjectWriter(CODECS["bzip2"], 9)
    kept = some_records(300)
    writer.add(kept, [record.arrival_ms for record in kept])
    content = writer.finish()
    with bz2.open(io.BytesIO(content.body)) as lines:
        found = list(executed(source, "reader").records(lines, content.index))
    assert found == [(r.data, r.sequence_number, r.sub_sequence_number, r.arrival_ms, r.partition_key) for r in kept]


@pytest.fixture
def rows() -> Any:
    """Give the consumer that the walk-through makes, as a module."""
    (source,) = page("docs/new-consumer.md").blocks("python")
    return executed(source, "rows")


def test_consumer_of_the_walk_through_delivers_once(rows: Any, tmp_path: Path) -> None:
    """It loads from the properties that the page shows, and delivering everything twice stores each record once."""
    block = next(block for block in page("docs/new-consumer.md").blocks("text") if block.startswith("consumer ="))
    path, file = tmp_path / "rows.properties", tmp_path / "rows.db"
    path.write_text(block.replace("/var/lib/rows/player-events.db", str(file)))
    settings = load(path, consumers={"rows": rows.ROWS}, environment={})
    rows.ROWS.probe(settings.section)
    records = some_records(1200)
    for start in (0, 700):
        log = Silent()
        patience = Patience(lambda _seconds: None, lambda: 0.0, log)
        context = ShardContext("shardId-000000000000", Start(None, "TRIM_HORIZON"), patience, log)
        pipeline = rows.ROWS.build(settings)(context)
        pipeline.offer(records[start:], 0.0)
        assert pipeline.durable == Position(10**55 + (999 if start == 0 else 1199), 0 if start == 0 else 2)
        assert pipeline.drain(1.0)
        assert pipeline.durable == records[-1].position
    database = sqlite3.connect(file)
    stored = database.execute("SELECT sequence, sub, key, data FROM record ORDER BY sequence, sub").fetchall()
    database.close()
    assert stored == [(r.sequence_number, r.sub_sequence_number, r.partition_key, r.data) for r in records]


def test_registry_of_the_walk_through_is_the_one_that_stands() -> None:
    """The page shows the registry as it is, and one line more."""
    block = next(block for block in page("docs/new-consumer.md").blocks("text") if '"s3_archive"' in block)
    registry = (ROOT / "consumers" / "registry.py").read_text(encoding="utf-8")
    assert block.replace('        "rows": "rows",\n', "") in registry


def test_consumer_of_the_walk_through_says_what_is_wrong(rows: Any, tmp_path: Path) -> None:
    """Its own checks find a relative path and a folder that is not there."""
    assert [key for key, _ in rows.ROWS.faults(rows.RowsSettings(path="rows.db"))] == ["path"]
    with pytest.raises(NotReady, match="Create it"):
        rows.ROWS.probe(rows.RowsSettings(path=str(tmp_path / "absent" / "rows.db")))
