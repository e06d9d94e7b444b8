"""A run of records: where it is cut, and that each record is accounted for once."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.documents.document import Rejected
from consumers.parts import Room
from consumers.records import Position, Record
from consumers.search.batch import IndexBatch, Tally
from consumers.search.batcher import IndexBatcher, Judged, Limits, gathered
from consumers.search.items import Outcome

BAD = Rejected("json_invalid", "")


def record(n: int, data: bytes = b"1") -> Record:
    """Make the n-th record; its payload says how many lines of ten bytes are made of it, or `x` for none that can."""
    return Record(data, "k", str(n), 1000 - n, 0)


def judge(one: Record) -> Judged:
    """Do as the payload says."""
    return BAD if one.payload.startswith(b"x") else (b"123456789\n",) * int(one.payload)


def opened(limits: Limits, now: float = 0.0) -> IndexBatcher:
    """Open a batch."""
    batcher = IndexBatcher(limits, judge)
    batcher.open(Room(), now)
    return batcher


def test_a_request_is_cut_by_bytes_before_compression() -> None:
    """At the record that reaches them: memory is bounded by one record beyond."""
    batcher = opened(Limits(25, 100, 9))
    assert batcher.add([record(n) for n in range(9)]) == 3
    assert batcher.due(0) == "bytes"
    assert [len(one.lines) for one in batcher.take("bytes").pending] == [10, 10, 10]
    assert batcher.empty


def test_records_that_will_be_dead_letters_count_with_their_bytes() -> None:
    """A bad stream does not fill the memory."""
    batcher = opened(Limits(25, 100, 9))
    assert batcher.add([record(n, b"x" * 20) for n in range(9)]) == 2


def test_a_request_is_cut_by_records_also_if_all_are_left_out() -> None:
    """The checkpoint follows a stream of which nothing is indexed."""
    batcher = opened(Limits(25, 4, 9))
    assert batcher.add([record(n, b"0") for n in range(3)]) == 3
    assert batcher.due(0) is None
    assert batcher.add([record(n, b"0") for n in range(3, 9)]) == 1
    assert batcher.due(0) == "records"
    assert batcher.take("records").last == Position(3, 0)


def test_a_request_is_cut_by_age() -> None:
    """From its opening on, by the clock that the caller gives."""
    batcher = opened(Limits(25, 4, 9), now=100)
    batcher.add([record(1)])
    assert (batcher.due(108.9), batcher.due(109)) == (None, "age")
    assert IndexBatcher(Limits(1, 1, 0), judge).due(1e9) is None


def test_the_oldest_arrival_is_told_while_a_request_is_open() -> None:
    """And nothing once it is taken or cleared."""
    batcher = opened(Limits(99, 9, 9))
    batcher.add([record(1), record(2)])
    assert batcher.oldest_ms == 998
    batcher.clear()
    assert batcher.oldest_ms is None
    assert batcher.empty


FATES = st.lists(
    st.one_of(
        st.just("undecoded"),
        st.just("filtered"),
        st.lists(st.sampled_from([Outcome.INDEXED, Outcome.DUPLICATE, Outcome.REJECTED]), min_size=1, max_size=4),
    ),
    max_size=30,
)


def settled(fates: list[str | list[Outcome]]) -> IndexBatch:
    """Make a batch whose records have these fates."""
    payloads = {"undecoded": b"x", "filtered": b"0"}
    records = [record(n, payloads[f] if isinstance(f, str) else b"%d" % len(f)) for n, f in enumerate(fates)]
    batch = gathered(records, judge)
    outcomes = [one for fate in fates if not isinstance(fate, str) for one in fate]
    for number, (entry, outcome) in enumerate(zip(batch.documents, outcomes, strict=True)):
        entry.outcome = outcome
        if outcome is Outcome.REJECTED:
            entry.reject(Rejected(f"r{number}", ""))
    return batch


@given(FATES)
def test_each_record_counts_once(fates: list[str | list[Outcome]]) -> None:
    """Records = indexed + duplicates + dead letters + filtered, whatever becomes of their documents."""
    tally = settled(fates).tally()
    lists = [fate for fate in fates if not isinstance(fate, str)]
    dead = fates.count("undecoded") + sum(Outcome.REJECTED in fate for fate in lists)
    duplicates = sum(set(fate) == {Outcome.DUPLICATE} for fate in lists)
    assert tally.balanced
    assert tally == Tally(
        len(fates), len(fates) - dead - duplicates - fates.count("filtered"), duplicates, dead, fates.count("filtered")
    )


@given(FATES)
def test_each_dead_record_is_named_once_and_in_order(fates: list[str | list[Outcome]]) -> None:
    """With the reason of the first of its documents that was rejected."""
    batch = settled(fates)
    dead = batch.dead()
    expected = [n for n, fate in enumerate(fates) if fate == "undecoded" or Outcome.REJECTED in list(fate)]
    assert [int(one.sequence_number) for one, _ in dead] == expected
    firsts = {id(e.record): e.rejected for e in reversed(batch.documents) if e.rejected}
    assert all(why == firsts.get(id(one), BAD) for one, why in dead)


@given(FATES)
def test_only_the_rejected_are_asked_anew(fates: list[str | list[Outcome]]) -> None:
    """What was indexed is final."""
    batch = settled(fates)
    rejected = [entry for entry in batch.documents if entry.outcome is Outcome.REJECTED]
    batch.reconsider()
    assert batch.pending == rejected
    assert all(entry.outcome is None and entry.rejected is None for entry in rejected)
    assert all(entry.outcome for entry in batch.documents if entry not in rejected)


def test_records_after_a_position() -> None:
    """In order, without the one that stands there."""
    batch = gathered([record(n) for n in (1, 3, 5)], judge)
    assert [int(one.sequence_number) for one in batch.after(Position(3, 0))] == [5]
