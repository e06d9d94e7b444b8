"""Who is to blame for a shard that nobody reads."""

import pytest

from consumers.kcl.holding import Held
from consumers.kcl.watching import blame, unheld

MINE = Held("shardId-0", "host-1", "495", 7, None)
OTHER = Held("shardId-1", "host-2", "496", 9, None)
NOBODY = Held("shardId-2", "", "497", 1, None)
GIVEN = Held("shardId-4", "host-2", "498", 5, None, "host-1")
ENDED = Held("shardId-3", "", "SHARD_END", 3, None)
ALL = [MINE, OTHER, NOBODY, ENDED]


def test_only_a_renewal_is_a_sign_of_life() -> None:
    """A name is none; a shard that has ended needs nobody, and one that is new was renewed."""
    earlier = Held("shardId-0", "host-1", "494", 6, None)
    assert unheld(ALL, {"shardId-0": earlier, "shardId-1": OTHER, "shardId-3": ENDED}) == [OTHER, NOBODY]
    assert unheld([MINE], {}) == []


def test_a_hand_over_that_does_not_end() -> None:
    """Somebody renews all the time: only that it lasts tells."""
    renewed = Held("shardId-4", "host-2", "498", 9, None, "host-1")
    done = Held("shardId-4", "host-2", "498", 9, None)
    assert unheld([renewed], {"shardId-4": GIVEN}) == [renewed]
    assert unheld([done], {"shardId-4": GIVEN}) == []


@pytest.mark.parametrize(
    ("idle", "leader", "room", "blamed"),
    [
        ([], "host-1", 8, None),
        ([MINE], "host-2", 8, "does not renew it"),
        ([OTHER], "host-2", 8, None),
        ([NOBODY], "host-1", 8, "nobody has shardId-2"),
        ([NOBODY], "host-1", 1, None),
        ([NOBODY], "host-2", 8, None),
        ([NOBODY], "", 8, None),
    ],
    ids=["all read", "mine", "a dead host's", "I lead", "no room", "another leads", "nobody leads"],
)
def test_blame(idle: list[Held], leader: str, room: int, blamed: str | None) -> None:
    """A restart is asked for only where it may help, and on one host alone."""
    why = blame(ALL, idle, "host-1", leader, room)
    assert (why is None) == (blamed is None)
    assert blamed is None or blamed in str(why)
