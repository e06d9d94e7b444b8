"""The files and programs that the pages show work."""

import bz2
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from consumers.config.settings import load
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.records import Record
from consumers.registry import CONSUMERS
from consumers.waiting import Unavailable
from tests.docs.pages import ROOT, page


def test_deployments_of_the_pages_pass_check(tmp_path: Path) -> None:
    """The properties that the pages begin with have no fault. `kinesis-fleet keys` writes those of others."""
    path = tmp_path / "a.properties"
    found = []
    for name in ("README.md", "docs/search-index.md", "docs/redshift.md"):
        for block in page(name).blocks("properties"):
            if "consumer = " in block:
                path.write_text("\n".join(line.strip() for line in block.splitlines()))
                found.append(load(path, CONSUMERS, environment={}).consumer)
    assert found == ["s3_archive", "elasticsearch_index", "redshift_stage"]


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


def test_line_of_the_walk_through_fits_the_registry() -> None:
    """It looks as those that stand there do."""
    (line,) = (block for block in page("docs/new-consumer.md").blocks("text") if block.startswith('        "'))
    registry = (ROOT / "consumers" / "registry.py").read_text(encoding="utf-8")
    assert line.replace("rows", "postgres_rows", 1).replace('"rows"', '"postgres"') in registry


def settings_of(rows: Any, path: str) -> Any:
    """Make the consumer's settings."""
    return rows.RowsSettings(path=path, letters_bucket="a-bucket")


def test_consumer_of_the_walk_through_says_what_is_wrong(rows: Any, tmp_path: Path) -> None:
    """Its own checks find a relative path and a folder that is not there."""
    assert [key for key, _ in rows.ROWS.faults(settings_of(rows, path="rows.db"))] == ["path"]
    with pytest.raises(Unavailable, match="there is no folder") as refused:
        rows.File(settings_of(rows, path=str(tmp_path / "absent" / "rows.db"))).ready()
    assert refused.value.operator
