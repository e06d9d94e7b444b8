"""Who is to blame for a shard that nobody reads."""

import pytest

from consumers.kcl.holding import Held
from consumers.kcl.pulse import Pulse
from consumers.kcl.watching import blame, unheld

MINE = Held("shardId-0", "host-1", "495", 7, None)
OTHER = Held("shardId-1", "host-2", "496", 9, None)
NOBODY = Held("shardId-2", "", "497", 1, None)
GIVEN = Held("shardId-4", "host-2", "498", 5, None, "host-1")
ENDED = Held("shardId-3", "", "SHARD_END", 3, None)
ALL = [MINE, OTHER, NOBODY, ENDED]


def pulse_of(first: list[Held], then: list[Held]) -> Pulse:
    """Look at the leases twice."""
    pulse = Pulse()
    pulse.look(first, 0)
    pulse.look(then, 2)
    return pulse


def test_only_a_renewal_is_a_sign_of_life() -> None:
    """A name is none, in a new lease neither; a shard that has ended needs nobody."""
    earlier = Held("shardId-0", "host-1", "494", 6, None)
    assert unheld(ALL, pulse_of([earlier, OTHER, ENDED], ALL), 0, {}) == [OTHER, NOBODY]
    assert unheld([MINE], pulse_of([], [MINE]), 0, {}) == [MINE]


def test_a_new_owner_has_to_renew_it_itself() -> None:
    """Whoever hands a lease out counts it up: nothing is known of the owner by that."""
    before = Held("shardId-1", "host-9", "496", 8, None)
    assert unheld([OTHER], pulse_of([before], [OTHER]), 0, {}) == [OTHER]


def test_a_hand_over_that_does_not_end() -> None:
    """Somebody renews all the time: only that it lasts tells."""
    renewed = Held("shardId-4", "host-2", "498", 9, None, "host-1")
    done = Held("shardId-4", "host-2", "498", 9, None)
    givers = {"shardId-4": "host-1"}
    assert unheld([renewed], pulse_of([GIVEN], [renewed]), 0, givers) == [renewed]
    assert unheld([done], pulse_of([GIVEN], [done]), 0, givers) == []


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
