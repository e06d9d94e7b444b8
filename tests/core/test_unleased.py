"""Which shards of a stream should have a lease and have none, in each situation that KCL brings about."""

from collections.abc import Mapping

import pytest

from consumers.hours.lineage import StreamShard
from consumers.kcl.holding import ENDED
from consumers.kcl.unleased import Unleased, gone, unleased

READ, OLDEST, LATEST = "495", "TRIM_HORIZON", "LATEST"


def stream(**parents: str) -> list[StreamShard]:
    """List shards, each with its parents."""
    return [StreamShard(name, tuple(of.split()), 0, 1) for name, of in parents.items()]


def missing(shard: str, parent: str = "") -> Unleased:
    """Tell of a shard that is due."""
    before = f", and {parent} before it has been read to its end" if parent else ": nobody reads it"
    return Unleased(shard, f"it has no lease{before}")


def waiting(shard: str, parent: str) -> Unleased:
    """Tell of a shard whose turn has not come."""
    return Unleased(shard, f"its turn comes when {parent} has been read to its end", parent)


def childless(shard: str) -> Unleased:
    """Tell of an end that the stream does not show."""
    return Unleased(shard, "it has been read to its end, and the stream lists no shard after it yet")


SPLIT = stream(p="", a="p", b="p")
MERGE = stream(p="", q="", m="p q")
TWICE = stream(p="", a="p", b="p", c="a", d="a")


@pytest.mark.parametrize(
    ("shards", "leases", "expected"),
    [
        (stream(p="", q=""), {"p": READ, "q": OLDEST}, []),
        (stream(p="", q=""), {"p": READ}, [missing("q")]),
        (SPLIT, {"p": READ}, [waiting("a", "p"), waiting("b", "p")]),
        (SPLIT, {"p": ENDED}, [missing("a", "p"), missing("b", "p")]),
        (SPLIT, {"p": ENDED, "a": OLDEST}, [missing("b", "p")]),
        (SPLIT, {"p": ENDED, "a": OLDEST, "b": OLDEST}, []),
        (SPLIT, {"a": READ, "b": READ}, []),
        (SPLIT, {"a": READ}, [missing("b")]),
        (SPLIT, {"a": LATEST, "b": LATEST}, []),
        (SPLIT, {"other": READ}, [missing("p")]),
        (stream(p=""), {"p": ENDED}, [childless("p")]),
        (stream(a="p", b="p"), {"p": ENDED}, [missing("a", "p"), missing("b", "p")]),
        (stream(a="p", b="p"), {"p": READ}, [waiting("a", "p"), waiting("b", "p")]),
        (stream(a="p", b="p"), {"a": READ, "b": READ}, []),
        (MERGE, {"p": ENDED, "q": READ}, [waiting("m", "q")]),
        (MERGE, {"p": ENDED, "q": ENDED}, [missing("m", "p")]),
        (MERGE, {"p": ENDED}, [missing("q")]),
        (MERGE, {"m": OLDEST}, []),
        (TWICE, {"p": READ}, [waiting("a", "p"), waiting("b", "p")]),
        (TWICE, {"p": ENDED}, [missing("a", "p"), missing("b", "p")]),
        (TWICE, {"a": ENDED, "b": READ}, [missing("c", "a"), missing("d", "a")]),
        (TWICE, {"b": READ, "c": READ}, [missing("d")]),
        (TWICE, {"b": READ, "c": READ, "d": READ}, []),
        (TWICE, {"b": READ}, [missing("a")]),
    ],
    ids=[
        "all leased",
        "one of two has none",
        "split, the parent is being read",
        "split, the parent has been read",
        "split, one child has a lease",
        "split, both have",
        "split, the parent is cleaned up",
        "split, cleaned up too early",
        "begun at LATEST after the split",
        "another line altogether",
        "read to an end that is not listed yet",
        "the parent has expired from the list, read",
        "the parent has expired from the list, unread",
        "the parent has expired from both",
        "merge, one parent is being read",
        "merge, both have been read",
        "merge, one parent never had a lease",
        "merge, both are cleaned up",
        "grandchildren are implied while a parent is read",
        "grandchildren are implied while a parent is missing",
        "the eldest cleaned up, the next read",
        "one grandchild is missing",
        "begun at a time among the grandchildren",
        "a child's whole line is missing",
    ],
)
def test_what_has_no_lease(shards: list[StreamShard], leases: Mapping[str, str], expected: list[Unleased]) -> None:
    """A shard that is done with, or older than where reading began, needs none; one whose turn has come does."""
    assert sorted(unleased(shards, leases), key=lambda one: one.shard) == expected
    assert sorted(unleased(shards[::-1], leases), key=lambda one: one.shard) == expected


def test_an_expired_shard_is_not_read_by_anybody() -> None:
    """An open lease of a shard that the stream has dropped stands for records that nobody can read any more."""
    assert gone(stream(a="p"), {"p": READ, "a": READ, "o": ENDED}) == ["p"]
