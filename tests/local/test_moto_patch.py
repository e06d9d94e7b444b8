"""The mended model of a shard, by itself."""

import time
from collections.abc import Callable
from itertools import pairwise

import moto
import pytest
from moto.kinesis import models

from consumers.local import moto_patch
from consumers.local.moto_patch import Shard
from consumers.sequence import put_ms


def filled(total: int) -> Shard:
    """Make a shard that holds ``total`` records."""
    shard = Shard(0, 0, 2**128 - 1)
    for _ in range(total):
        shard.put_record("key", "ZGF0YQ==", "")
    return shard


def cost(work: Callable[[], object]) -> float:
    """Measure the least CPU seconds of five tries."""
    costs = []
    for _ in range(5):
        began_s = time.process_time()
        work()
        costs.append(time.process_time() - began_s)
    return min(costs)


def test_costs_do_not_grow_with_what_a_shard_holds() -> None:
    """A hundred puts and a read at the tip cost the same with 500 as with 50,000 records.

    Unmended, they cost a hundred times as much.
    """
    small, large = filled(500), filled(50_000)

    def exchange(shard: Shard) -> Callable[[], object]:
        def work() -> None:
            for _ in range(100):
                before = shard.get_max_sequence_number()
                shard.put_record("key", "ZGF0YQ==", "")
                assert len(shard.get_records(str(before), None)[0]) == 1

        return work

    assert cost(exchange(large)) < 10 * cost(exchange(small))


def test_sequence_numbers_have_gaps_and_56_digits() -> None:
    """Nothing may lean on the next number being one more."""
    shard = filled(3)
    records, last, behind_ms = shard.get_records("0", None)
    numbers = [record.sequence_number for record in records]
    assert last == numbers[-1]
    assert behind_ms >= 0
    assert all(later - earlier > 1 for earlier, later in pairwise(numbers))
    assert all(len(str(number)) == 56 for number in numbers)


def test_sequence_numbers_hold_the_second_of_the_put() -> None:
    """As those of the real service do."""
    before = int(time.time())
    records, _, _ = filled(2).get_records("0", None)
    for record in records:
        held_ms = put_ms(record.sequence_number)
        assert held_ms is not None
        assert before * 1000 <= held_ms <= record.created_at * 1000


def test_a_moment_becomes_a_position() -> None:
    """AT_TIMESTAMP starts after the last record that arrived before the moment."""
    shard = filled(4)
    records, _, _ = shard.get_records("0", None)
    for second, record in enumerate(records):
        record.created_at = 1000.0 + second
    assert shard.get_sequence_number_at(1002.0) == records[1].sequence_number
    assert shard.get_sequence_number_at(999.0) == 0
    assert shard.get_sequence_number_at(2000.0) == records[3].sequence_number


def test_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A moto that was never tried is not touched, and that is said."""
    monkeypatch.setattr(moto, "__version__", "6.0.0")
    before = models.Shard
    assert moto_patch.apply() is False
    assert models.Shard is before
    assert "moto 6.0.0" in caplog.text
