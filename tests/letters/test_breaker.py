"""The breaker refuses what is bad as a whole, and only that."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.letters.breaker import Breaker, Settled

SAMPLE = 100
batches = st.lists(
    st.integers(1, 250).flatmap(lambda records: st.tuples(st.just(records), st.integers(0, records))), max_size=40
)


@given(batches)
def test_it_judges_the_fewest_last_batches_that_make_up_the_sample(given_batches: list[tuple[int, int]]) -> None:
    """As a plain search through all batches does, which forgets nothing."""
    breaker = Breaker(SAMPLE, 0.5)
    settled: list[tuple[int, int]] = []
    for batch in given_batches:
        runs = list(accumulate(reversed([*settled, batch]), lambda a, b: (a[0] + b[0], a[1] + b[1])))
        enough = [run for run in runs if run[0] >= SAMPLE]
        expected = bool(enough) and enough[0][1] > 0.5 * enough[0][0]
        assert breaker.refuses(*batch) is expected
        if not expected:
            breaker.note(*batch)
            settled.append(batch)


@given(batches, st.lists(st.integers(1, 250), min_size=100, max_size=100))
def test_a_stream_that_turns_bad_loses_less_than_a_sample(before: list[tuple[int, int]], after: list[int]) -> None:
    """However long it was good, and however its batches are cut: then a batch is refused."""
    breaker = Breaker(SAMPLE, 0.5)
    for records, _ in before:
        breaker.note(records, 0)
    lost = 0
    for records in after:
        if breaker.refuses(records, records):
            break
        breaker.note(records, records)
        lost += records
    assert lost < SAMPLE


@given(batches)
def test_a_stream_that_is_half_good_is_never_refused(given_batches: list[tuple[int, int]]) -> None:
    """Bad records fail alone, for as long as they are the lesser part."""
    breaker = Breaker(SAMPLE, 0.5)
    for records, rejected in given_batches:
        assert breaker.refuses(records, min(rejected, records // 2)) is False
        breaker.note(records, min(rejected, records // 2))


def test_a_stream_that_turns_bad_slowly_is_refused() -> None:
    """A percent more in each thousand: refused once more than half of the last thousand is bad."""
    breaker = Breaker()
    for percent in range(101):
        for _ in range(100):
            if breaker.refuses(10, percent // 10):
                assert 51 <= percent <= 62
                return
            breaker.note(10, percent // 10)
    pytest.fail("never refused")


def test_a_batch_alone_is_evidence_only_from_the_sample_on() -> None:
    """A start with 999 bad records may be a start with 999 bad records."""
    assert Breaker().refuses(999, 999) is False
    assert Breaker().refuses(1000, 500) is False
    assert Breaker().refuses(1000, 501) is True


def test_it_asks_without_taking_note() -> None:
    """A refused batch is judged again, with the same answer, until it is let through; then the next is refused too."""
    breaker = Breaker(10)
    assert [breaker.refuses(10, 10) for _ in range(3)] == [True] * 3
    assert breaker.state == Settled(0, 0)
    breaker.note(10, 10)
    assert breaker.state == Settled(10, 10)
    assert breaker.refuses(1, 1) is True
    assert breaker.refuses(10, 0) is False


def test_what_it_remembers_is_bounded() -> None:
    """Many small batches, none, and a large one."""
    breaker = Breaker(SAMPLE)
    for _ in range(10_000):
        breaker.note(1, 0)
        breaker.note(0, 0)
    assert breaker.state == Settled(SAMPLE, 0)
    breaker.note(10_000, 0)
    assert breaker.state == Settled(10_000, 0)
    breaker.note(SAMPLE, SAMPLE)
    assert breaker.state == Settled(SAMPLE, SAMPLE)


@pytest.mark.parametrize("batch", [(1, 2), (-1, -1), (1, -1)])
def test_nonsense_is_refused(batch: tuple[int, int]) -> None:
    """A wrong count must not read as a good one."""
    with pytest.raises(ValueError, match="cannot be rejected"):
        Breaker().note(*batch)
    with pytest.raises(ValueError, match="judge nothing"):
        Breaker(0)
