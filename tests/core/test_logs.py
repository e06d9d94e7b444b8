"""A line of the log is whole for whoever reads the journal, whatever stands in it."""

import json
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from consumers.logs import MOST_BYTES, configure, logger
from tests.docs.pages import pages

LONGEST_FIELD = 4096  # of journalctl -o json without -a, systemd 252; the name and its sign of equality count


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What this process writes."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("info")
    yield written
    structlog.reset_defaults()


def said(lines: StringIO, **fields: object) -> dict[str, object]:
    """Log a line, and read it as an operator's query does."""
    logger().error("unheld", **fields)
    (line,) = lines.getvalue().splitlines()
    assert len(f"MESSAGE={line}".encode()) < LONGEST_FIELD
    found: dict[str, object] = json.loads(line)
    assert (found["event"], found["level"]) == ("unheld", "error")
    return found


def test_a_short_line_stays_as_it_is(lines: StringIO) -> None:
    """Nothing is cut that need not be."""
    shards = [f"shardId-{number:012}" for number in range(40)]
    assert said(lines, shards=shards)["shards"] == shards


@pytest.mark.parametrize("fields", [1, 3, 8])
@pytest.mark.parametrize("unit", ["a", "\u00fc", "\U0001f600", '"', "\\", "\n"])
def test_a_long_line_is_cut_and_says_so(lines: StringIO, fields: int, unit: str) -> None:
    """Also where each character takes twelve: the names of the fields stay, with the beginning of each."""
    found = said(lines, **{f"reason{number}": unit * 10_000 for number in range(fields)})
    assert found["cut"] is True
    assert all(str(found[f"reason{number}"]).startswith(unit) for number in range(fields))


def test_a_long_list_says_how_much_is_left_out(lines: StringIO) -> None:
    """A stream of 170 shards that nobody reads."""
    shards = said(lines, shards=[f"shardId-{number:012}" for number in range(170)], reason="nobody")["shards"]
    assert isinstance(shards, list)
    *named, rest = shards
    assert named[0] == "shardId-000000000000"
    assert rest == f"\N{HORIZONTAL ELLIPSIS} {170 - len(named)} more"


def test_what_the_documents_ask_of_the_journal_shows_long_lines() -> None:
    """Lines of the JVM and of other programs have no bound of ours."""
    queries = [
        line for page in pages() for line in page.text.splitlines() if "journalctl" in line and "-o json" in line
    ]
    assert queries
    assert [line for line in queries if " -a " not in line] == []
    assert LONGEST_FIELD - len("MESSAGE=<3>") > MOST_BYTES
