"""Keys are a pure function of the first record, sort as the shard does, and cannot leave their prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.chain.layout import Layout, layout_faults, position_in, shard_in
from consumers.chain.link import Link
from consumers.objects.codecs import Garbled
from consumers.records import HOUR_MS, Position

LAYOUT = Layout("raw/events", "dt=%Y-%m-%d/hour=%H", "player-events.v1", ".gz")
SHARD = "shardId-000000000007"
positions = st.builds(Position, st.integers(0, 10**56 - 1), st.integers(0, 10**9))


def test_key() -> None:
    """The partition is the UTC hour of the first record's arrival."""
    key = LAYOUT.key(SHARD, Position(42, 3), 1_706_745_599_999)
    assert key == f"raw/events/dt=2024-01-31/hour=23/player-events.v1.{SHARD}.{42:056d}.{3:010d}.lines.gz"


@given(positions, positions, st.integers(0, 2**41))
def test_keys_sort_as_positions_do(one: Position, other: Position, arrival_ms: int) -> None:
    """A listing of a partition is in the order of the shard, and a key says where it begins."""
    keys = [LAYOUT.key(SHARD, position, arrival_ms) for position in (one, other)]
    assert (keys[0] < keys[1]) == (one < other)
    assert [position_in(key) for key in keys] == [one, other]
    assert shard_in(keys[0]) == SHARD
    assert all(key.startswith(LAYOUT.scan(SHARD, arrival_ms)) for key in keys)


def test_scans_cover_each_hour_once() -> None:
    """Both ends are included."""
    assert len(list(LAYOUT.scans(SHARD, 0, 48 * HOUR_MS - 1))) == 48


@pytest.mark.parametrize("name", ["a/_x.lines.gz", "a/x.txt", "a/_x.s.1.2.lines.gz.0011.index.gz", "", "a/b/"])
def test_other_keys_are_not_ours(name: str) -> None:
    """Markers and indexes are no links."""
    assert position_in(name) is None


@pytest.mark.parametrize(
    ("prefix", "partition"),
    [
        ("../up", "%Y%m%d"),
        ("/abs", "%Y%m%d"),
        ("a//b", "%Y%m%d"),
        ("a b", "%Y%m%d"),
        ("_a", "%Y%m%d"),
        ("a", "%Y/%m"),
        ("a", "%Y/%m/%d"),
        ("a", "%Y%m%d/../x"),
        ("a", "%Y%m%d%S"),
        ("a", "%Y%m%d\n"),
    ],
)
def test_refused_layouts(prefix: str, partition: str) -> None:
    """What could escape the prefix, hide objects or mix hours is refused."""
    assert list(layout_faults(prefix, partition))


@pytest.mark.parametrize(("prefix", "partition"), [("", "dt=%Y-%m-%d/hour=%H"), ("a/b/", "%Y/%m/%d/%H")])
def test_accepted_layouts(prefix: str, partition: str) -> None:
    """The ordinary ones are not."""
    assert list(layout_faults(prefix, partition)) == []


def link(**changes: object) -> Link:
    """Make a link."""
    values: dict[str, object] = {
        "stream": "r:s",
        "shard": SHARD, "first": Position(5, 0), "last": Position(9, 2), "after": Position(4, 0), "origin": None,
        "count": 3, "size": 40, "payload_bytes": 10, "first_arrival_ms": 1, "min_arrival_ms": 0, "max_arrival_ms": 2,
        "sha256": "00", "writer": "w 1", **changes,
    }  # fmt: skip
    return Link(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{}, {"after": None, "origin": "LATEST"}, {"count": 0, "last": Position(9, -1)}])
def test_link_round_trip(changes: dict[str, object]) -> None:
    """Metadata says all of a link, within S3's 2 KB."""
    it = link(**changes)
    assert Link.parse(it.metadata()) == it
    assert sum(len(name) + len(value) for name, value in it.metadata().items()) < 1024


@pytest.mark.parametrize("change", ["", "x", "-1", "1:2:3", "\u0661:0"])
@pytest.mark.parametrize("name", ["first", "last", "count", "arrivals-ms", "format"])
def test_garbled_metadata(name: str, change: str) -> None:
    """What cannot be read is refused, never guessed."""
    with pytest.raises(Garbled):
        Link.parse({**link().metadata(), name: change})
