"""A chain is one run, in whatever order its links come."""

import os
import random

from consumers.audit.ranges import Piece, Ranges
from consumers.records import Position

SEED = int(os.environ.get("RANGES_SEED", random.SystemRandom().randrange(10**9)))


def chain(count: int) -> list[Piece]:
    """Make a chain of links of three records each."""
    return [
        Piece(f"k{n}", Position(n * 5, 0), Position(n * 5 + 2, 0), Position(n * 5 - 3, 0) if n else None, None)
        for n in range(count)
    ]


def test_any_order_makes_one_run() -> None:
    """Late links join what they were missing between."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    for _ in range(300):
        pieces = chain(rng.randint(1, 30))
        rng.shuffle(pieces)
        ranges = Ranges()
        assert all(ranges.add(piece) for piece in pieces)
        assert list(ranges.breaks()) == []


def test_each_missing_link_is_one_break_and_each_double_is_refused() -> None:
    """Wherever it is, and whatever comes first."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    for _ in range(300):
        pieces = chain(30)
        gone = sorted(rng.sample(range(1, 29, 2), 3))
        left = [piece for n, piece in enumerate(pieces) if n not in gone]
        rng.shuffle(left)
        ranges = Ranges()
        for piece in left:
            ranges.add(piece)
        assert [(broken.before, broken.behind) for broken in ranges.breaks()] == [
            (pieces[n - 1].last, pieces[n + 1]) for n in gone
        ]
        inside = rng.choice(left)
        assert not ranges.add(inside._replace(key="copy", first=Position(inside.first.sequence + 1, 0)))


def test_a_declared_gap_is_no_break_without_a_reason() -> None:
    """The link that follows it says why."""
    first, second, *_ = chain(3)
    ranges = Ranges()
    ranges.add(first)
    ranges.add(second._replace(origin="RETENTION"))
    assert list(ranges.breaks()) == []
    assert [broken.said for broken in ranges.declared] == ["RETENTION"]
    ranges.add(Piece("far", Position(99, 0), Position(99, 0), None, "LATEST"))
    assert [broken.said for broken in ranges.breaks()] == ["LATEST"]
