"""Which stream an application reads is written down once, and another one under its name is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.kcl.beginning import NeedsNames, insist_on_higher_numbers, insist_on_names
from consumers.kcl.known import KnownStream, MadeAnew, insist_on_the_same, recalled, state_key
from consumers.kcl.leases import scan
from consumers.waiting import Unavailable
from tests.config.sample import settings
from tests.memory_store import MemoryStore

APPLICATION = "events-sample"
MADE = datetime(2018, 11, 21, tzinfo=UTC)
READ = "49590338271490256608559692538361571095921575989136588898"
"""A number that AWS has published; its record was put on 17 December 2018."""


def stream(made: datetime = MADE, name: str = "events") -> KnownStream:
    """Identify a stream."""
    return KnownStream(name, int(made.timestamp() * 1000))


def start(folder: Path, store: MemoryStore, of: KnownStream, *checkpoints: str) -> None:
    """Start a daemon."""
    insist_on_the_same(settings(folder), store, of, lambda: checkpoints)


def test_the_first_start_writes_it_down(tmp_path: Path) -> None:
    """From then on that stream alone is read, whatever becomes of the lease table; stand-ins give parts of a second."""
    store = MemoryStore()
    start(tmp_path, store, stream())
    assert recalled(store, APPLICATION)[0] == stream()
    start(tmp_path, store, stream(MADE.replace(second=1)))
    for other in (stream(MADE.replace(hour=1)), stream(MADE.replace(year=2017)), stream(name="others")):
        with pytest.raises(MadeAnew, match="start-over") as refused:
            start(tmp_path, store, other)
        assert refused.value.exit_code == 78
        assert "2018-11-21T00:00:00Z" in str(refused.value)
        assert APPLICATION in str(refused.value)
    assert recalled(store, APPLICATION)[0] == stream()


def test_nothing_is_written_down_while_checkpoints_cannot_be_read(tmp_path: Path) -> None:
    """They may be of a former stream: whoever can read them later has to see it."""
    store = MemoryStore()
    insist_on_the_same(settings(tmp_path), store, stream(datetime(2019, 1, 1, tzinfo=UTC)), lambda: None)
    assert store.objects == {}
    with pytest.raises(MadeAnew):
        start(tmp_path, store, stream(datetime(2019, 1, 1, tzinfo=UTC)), READ)


class Table:
    """A lease table that answers with one page."""

    def __init__(self, page: object) -> None:
        self.page = page

    def get_paginator(self, _: str) -> "Table":
        """Be asked for pages."""
        return self

    def paginate(self, **_: object) -> list[object]:
        """Give the page."""
        return [self.page]


@pytest.mark.parametrize("page", [{}, {"Items": None}, {"Items": [], "Count": 2}, {"Items": {}, "Count": 0}])
def test_a_scan_that_lacks_something_is_no_empty_table(page: object) -> None:
    """Leases that are not listed are neither free nor gone."""
    with pytest.raises(Unavailable, match="Scan leases"):
        list(scan(Table(page), "leases"))
    assert list(scan(Table({"Items": [{"leaseKey": {"S": "x"}}], "Count": 1}), "leases")) == [{"leaseKey": {"S": "x"}}]


@pytest.mark.parametrize("checkpoint", ["TRIM_HORIZON", "SHARD_END", "17", READ, ""])
def test_what_ran_before_it_was_written_down_goes_on(tmp_path: Path, checkpoint: str) -> None:
    """A checkpoint of this stream, or one that says nothing of its time, proves nothing."""
    store = MemoryStore()
    start(tmp_path, store, stream(), checkpoint)
    assert recalled(store, APPLICATION)[0] == stream()


def test_a_record_that_is_older_than_its_stream(tmp_path: Path) -> None:
    """Where nothing is written down, a checkpoint on it says that the stream was made anew since."""
    store = MemoryStore()
    with pytest.raises(MadeAnew, match="a record of 2018-12-17T22:10:50Z"):
        start(tmp_path, store, stream(datetime(2019, 1, 1, tzinfo=UTC)), "TRIM_HORIZON", READ)
    assert store.objects == {}


def test_what_is_damaged_is_not_taken_for_another_stream(tmp_path: Path) -> None:
    """An operator is asked."""
    store = MemoryStore()
    store.swap(state_key(APPLICATION), b"\xff", None)
    with pytest.raises(Unavailable, match="damaged") as refused:
        start(tmp_path, store, stream())
    assert refused.value.operator


def test_an_archive_is_not_continued(tmp_path: Path) -> None:
    """It is told which keys need another value; a consumer without such keys begins in place."""
    with pytest.raises(NeedsNames, match=r"another applicationName and archive\.prefix") as refused:
        insist_on_names(settings(tmp_path), "archive", ("prefix",))
    assert refused.value.exit_code == 78
    insist_on_names(settings(tmp_path), "index", ())


def test_numbers_that_were_read_already_are_refused(tmp_path: Path) -> None:
    """Records of both streams would be taken for one, where they are known by their numbers."""
    shards = [{"SequenceNumberRange": {"StartingSequenceNumber": str(number)}} for number in (300, 200)]
    insist_on_higher_numbers(settings(tmp_path), shards, ["TRIM_HORIZON", "199"])
    with pytest.raises(NeedsNames, match="begin below"):
        insist_on_higher_numbers(settings(tmp_path), shards, ["199", "200"])
