"""What is not as it should be with the leases is said, and nothing else."""

import pytest

from consumers.kcl.holding import Held, unsettled

ONE = Held("shardId-0", "host-1", "495", 7, 2.0)
OTHER = Held("shardId-1", "host-2", "496", 9, 0.0)
ENDED = Held("shardId-2", "", "SHARD_END", 3, None)


@pytest.mark.parametrize(
    ("leases", "worker", "before", "problems"),
    [
        ([ONE, OTHER, ENDED], None, None, []),
        ([ONE, OTHER, ENDED], "host-1", {"shardId-0": 6, "shardId-1": 8}, []),
        ([], None, None, ["there is no lease: kinesis-fleet prepare FILE"]),
        ([ONE, Held("shardId-1", "", "496", 9, 0.0)], None, None, ["shardId-1: nobody has its lease"]),
        ([ONE], None, {"shardId-0": 7}, ["shardId-0: host-1 has not renewed its lease yet"]),
        ([Held("shardId-0", "host-1", "495", 7, 61.0)], None, None, ["shardId-0: 61 s behind"]),
        ([ONE, OTHER, ENDED], "host-3", None, ["host-3 has no lease"]),
    ],
)
def test_what_is_not_so(
    leases: list[Held], worker: str | None, before: dict[str, int] | None, problems: list[str]
) -> None:
    """An owner's name is no proof that it lives, a shard that has ended needs nobody; a problem is named once."""
    assert unsettled(leases, worker, 60.0, before) == problems
