"""What a delivery proves of what came before it, and what an empty one proves of the present."""

import pytest

from consumers.hours.reading import EDGE_MARGIN_MS, START_MARGIN_MS, Gap, Horizon, Reading
from consumers.parts import Start
from consumers.records import HOUR_MS, Position, Record

NOW = 1_700_000_000_000
DAY = 24 * HOUR_MS
TRIM = NOW - DAY + START_MARGIN_MS
FIRST = Start(None, "TRIM_HORIZON")
AGAIN = Start(Position(5, 0), None)


def reading(start: Start = FIRST, known_ms: int | None = None, timestamp_ms: int = 0) -> Reading:
    """Begin a lease of a stream that keeps records for a day."""
    return Reading(start, known_ms, Horizon(3, DAY, timestamp_ms))


def at(arrival_ms: int) -> list[Record]:
    """Make a delivery of one record."""
    return [Record(b"", "k", "1", arrival_ms, 0)]


def test_an_empty_read_is_dated_by_a_delivery_well_before_it() -> None:
    """Three reads may have been on their way: the fourth was fetched after the first was received."""
    it = reading()
    for second in range(3):
        it.received([], NOW + second, caught_up=True)
        assert it.delivered_ms is None
    it.received([], NOW + 3, caught_up=True)
    assert it.delivered_ms == NOW


def test_an_empty_read_that_has_not_caught_up_proves_nothing() -> None:
    """It only moved on in the stream."""
    it = reading()
    for second in range(9):
        it.received([], NOW + second, caught_up=False)
    assert it.delivered_ms is None


def test_a_record_from_the_future_is_not_believed() -> None:
    """A stream's clock that is ahead of the store's would declare hours complete that have not been."""
    it = reading()
    it.received(at(NOW + HOUR_MS), NOW, caught_up=False)
    assert it.delivered_ms == NOW


def test_the_watermark_never_runs_back() -> None:
    """A record a little older than the one before it changes nothing."""
    it = reading()
    it.received(at(NOW - 10), NOW, caught_up=False)
    it.received(at(NOW - 900), NOW, caught_up=False)
    assert it.delivered_ms == NOW - 10


@pytest.mark.parametrize(
    ("it", "records", "gap"),
    [
        pytest.param(reading(), at(NOW - 9), Gap(0, TRIM, "TRIM_HORIZON"), id="a first start"),
        pytest.param(reading(Start(None, "LATEST")), at(NOW - 9), Gap(0, NOW, "LATEST"), id="at the latest"),
        pytest.param(reading(Start(None, "LATEST"), NOW - 99), [], Gap(NOW - 99, NOW, "LATEST"), id="again"),
        pytest.param(
            reading(Start(None, "AT_TIMESTAMP"), None, NOW - 500), [], Gap(0, NOW - 500, "AT_TIMESTAMP"), id="a time"
        ),
        pytest.param(reading(Start(None, "AT_TIMESTAMP"), NOW - 400, NOW - 500), [], None, id="a time, again"),
        pytest.param(reading(AGAIN, NOW - HOUR_MS), at(NOW - 9), None, id="after a checkpoint"),
        pytest.param(
            reading(AGAIN, NOW - 2 * DAY), at(NOW - 9), Gap(NOW - 2 * DAY, TRIM, "RETENTION"), id="after two days"
        ),
        pytest.param(
            reading(AGAIN, NOW - 2 * DAY), at(NOW - DAY), Gap(NOW - 2 * DAY, NOW - DAY, "RETENTION"), id="at the edge"
        ),
        pytest.param(reading(AGAIN, NOW - 2 * DAY), at(NOW - 2 * DAY), None, id="nothing between"),
        pytest.param(reading(AGAIN), at(NOW - 9), Gap(0, TRIM, "RETENTION"), id="without a mark"),
    ],
)
def test_what_may_be_missing_before_the_first_delivery(it: Reading, records: list[Record], gap: Gap | None) -> None:
    """It depends on where reading began, what was known, and how long the stream keeps records."""
    assert it.received(records, NOW, caught_up=False) == gap
    assert it.gaps == ([gap] if gap else [])


def test_a_process_that_froze_beyond_the_retention_finds_the_gap_when_it_thaws() -> None:
    """The lease need not have moved."""
    it = reading()
    it.received(at(NOW - 5), NOW, caught_up=False)
    later = NOW + DAY + HOUR_MS
    assert it.received(at(later - 7), later, caught_up=False) == Gap(NOW - 5, later - DAY + EDGE_MARGIN_MS, "RETENTION")


def test_reading_slowly_at_the_trim_horizon_is_no_gap() -> None:
    """For as long as nothing is delivered, the first read still stands for what the stream had."""
    it = reading()
    it.received([], NOW, caught_up=False)
    assert it.received([], NOW + START_MARGIN_MS - EDGE_MARGIN_MS, caught_up=False) is None
