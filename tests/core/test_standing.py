"""What is not as it should be with an application is said, and nothing else."""

import pytest
from msgspec.structs import replace

from consumers.hours.lineage import StreamShard
from consumers.kcl.holding import Held, of_rows
from consumers.kcl.lag import Lag
from consumers.kcl.pulse import Pulse, failover_s
from consumers.kcl.standing import judged, problems, with_lags

FAILOVER_S = 10.0
ONE, OTHER = Held("shardId-0", "host-1", "495", 7), Held("shardId-1", "host-2", "496", 9)
CHILDREN = [StreamShard(f"shardId-{number}", ("shardId-1",), 0, 1) for number in (2, 3)]
STREAM = [StreamShard(f"shardId-{number}", (), 0, 1) for number in (0, 1)]
NO_LAG = {"shardId-0": Lag(0.0), "shardId-1": Lag(0.0)}


def renewed(*leases: Held) -> list[Held]:
    """Count each lease up once."""
    return [replace(one, renewals=one.renewals + 1) for one in leases]


def said(leases: list[Held], shards: list[StreamShard], lags: dict[str, Lag], worker: str | None = None) -> list[str]:
    """Judge leases that were all renewed within the last ten seconds."""
    pulse = Pulse()
    pulse.look(leases, 0)
    again = renewed(*leases)
    pulse.look(again, 9)
    return problems(with_lags(judged(again, shards, pulse, 10, FAILOVER_S), lags, 60), worker)


@pytest.mark.parametrize(
    ("leases", "shards", "lags", "worker", "expected"),
    [
        ([ONE, OTHER], STREAM, NO_LAG, "host-2", []),
        ([], STREAM, {}, None, ["there is no lease: kinesis-fleet prepare FILE"]),
        ([ONE], STREAM, NO_LAG, None, ["shardId-1: it has no lease: nobody reads it"]),
        ([ONE, OTHER], STREAM, NO_LAG, "host-3", ["host-3 has no lease"]),
        ([ONE, OTHER], STREAM, {**NO_LAG, "shardId-1": Lag(61)}, None, ["shardId-1: 61 s behind"]),
        ([ONE, OTHER], STREAM, {**NO_LAG, "shardId-1": Lag(None, "its lag")}, None, ["shardId-1: its lag"]),
        ([ONE, OTHER], STREAM, {**NO_LAG, "shardId-1": Lag(60, at_most=True)}, None, []),
        (
            [ONE, OTHER],
            STREAM,
            {**NO_LAG, "shardId-1": Lag(61, at_most=True)},
            None,
            ["shardId-1: at most 61 s behind: no record was found in the part that was read so far"],
        ),
        (
            [ONE, Held("shardId-1", "", "496", 9)],
            STREAM,
            {**NO_LAG, "shardId-1": Lag(61)},
            None,
            ["shardId-1: nobody has its lease; 61 s behind"],
        ),
        (
            [ONE, replace(OTHER, giver="host-9")],
            STREAM,
            NO_LAG,
            None,
            ["shardId-1: host-9 hands it over to host-2, which does not read it yet"],
        ),
        (
            [ONE, OTHER],
            STREAM[:1],
            NO_LAG,
            None,
            ["shardId-1: the stream has no such shard any more: what was unread of it has expired"],
        ),
    ],
    ids=[
        "well",
        "unprepared",
        "no lease",
        "worker without",
        "lag",
        "lag unknown",
        "a gap",
        "a long gap",
        "nobody's",
        "handed over",
        "expired",
    ],
)
def test_what_is_not_so(
    leases: list[Held],
    shards: list[StreamShard],
    lags: dict[str, Lag],
    worker: str | None,
    expected: list[str],
) -> None:
    """Each thing is named once, with its shard."""
    assert said(leases, shards, lags, worker) == expected


@pytest.mark.parametrize(
    ("parent", "so"), [(Lag(0.0), False), (Lag(300), False), (Lag(None, ""), False), (Lag(301), True)]
)
def test_a_child_whose_turn_comes(parent: Lag, so: bool) -> None:
    """It is no fault while its parent is far behind; otherwise it is read in a moment, and that is waited for."""
    leases, shards = [ONE, OTHER], [*STREAM, *CHILDREN]
    pulse = Pulse()
    pulse.look(leases, 0)
    again = renewed(*leases)
    pulse.look(again, 1)
    rows = with_lags(judged(again, shards, pulse, 1, FAILOVER_S), {**NO_LAG, "shardId-1": parent}, 10_000)
    assert (problems(rows) == []) is so
    assert {one.shard: one.waits_for for one in rows if one.waits_for} == {
        "shardId-2": "shardId-1",
        "shardId-3": "shardId-1",
    }


def test_an_owner_that_has_stopped() -> None:
    """A name in a row is no sign of life, nor is the count that came with a new name, nor a renewal of long ago."""
    pulse = Pulse()

    def look(lease: Held, now_s: float) -> list[str]:
        pulse.look([lease], now_s)
        return problems(judged([lease], STREAM[:1], pulse, now_s, FAILOVER_S))

    assert look(ONE, 0) == ["shardId-0: host-1 has not renewed its lease for 0 s yet"]
    assert look(Held("shardId-0", "host-2", "495", 8), 4) == ["shardId-0: host-2 has not renewed its lease for 0 s yet"]
    alive = Held("shardId-0", "host-2", "495", 9)
    assert look(alive, 6) == []
    assert look(alive, 15) == []
    assert look(alive, 17) == ["shardId-0: host-2 has not renewed its lease for 11 s: it has stopped, or hangs"]


def test_a_lease_is_given_the_time_that_kcl_gives_it() -> None:
    """`failoverTimeMillis` says when a lease has expired; KCL's own is ten seconds."""
    assert (failover_s({}), failover_s({"failoverTimeMillis": "2500"})) == (10.0, 2.5)


def row(**attributes: str) -> dict[str, dict[str, str]]:
    """Give a row of the table, its attributes by name; digits of `n_` are numbers."""
    return {
        name.removeprefix("n_"): {"N" if name.startswith("n_") else "S": value} for name, value in attributes.items()
    }


def test_rows_of_kcl_itself_are_no_leases() -> None:
    """From core 3.5 on the table holds the leader's lock, the migration's state and the workers too."""
    rows = [
        row(leaseKey="Leader", ownerName="host-1", leaseDuration="120000"),
        row(leaseKey="Migration3.0", entityType="MIGRATION_STATE"),
        row(leaseKey="host-1", entityType="WORKER_METRIC_STATS", n_lut="1"),
        row(leaseKey="shardId-0", leaseOwner="host-1", n_leaseCounter="7", checkpoint="495"),
    ]
    assert of_rows(rows, "table") == [Held("shardId-0", "host-1", "495", 7)]


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (row(leaseKey="shardId-0", n_leaseCounter="7", checkpoint=""), "its checkpoint is empty"),
        (row(leaseKey="shardId-0", n_leaseCounter="7"), "its checkpoint is empty"),
        (row(leaseKey="shardId-0", n_leaseCounter="7", n_checkpoint="495"), "its checkpoint is empty"),
        (row(leaseKey="shardId-0", n_leaseCounter="7", checkpoint="$SEQ"), "is neither a sequence number"),
        (row(leaseKey="shardId-0", leaseOwner="host-1", checkpoint="495"), "it has no leaseCounter"),
        (row(leaseKey="shardId-0", leaseCounter="x", checkpoint="495"), "it has no leaseCounter"),
    ],
    ids=["empty", "absent", "a number", "a variable", "no counter", "no number"],
)
def test_an_odd_row_is_named_with_its_remedy(odd: dict[str, dict[str, str]], words: str) -> None:
    """It never ends the command; what is said of it is what mends it, and nothing else is."""
    (found,) = of_rows([odd], "the-table")
    assert words in found.problem
    assert 'aws dynamodb update-item --table-name the-table --key \'{"leaseKey": {"S": "shardId-0"}}\'' in found.problem
    assert judged([found], STREAM[:1], Pulse(), 0, FAILOVER_S) == [found]
