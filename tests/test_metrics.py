"""What a shard's process says of itself to CloudWatch: lag, records, dead letters."""

from consumers.metrics import UNITS, Meter, document


def test_lag_of_a_quiet_shard() -> None:
    """Whoever has read everything is as late as the last look."""
    meter = Meter()
    assert meter.read(0.0) == {}
    meter.delivered(0, 0, 100.0)
    meter.settled(None)
    assert meter.read(101.0)["LagSeconds"] == 1.0


def test_lag_of_a_blocked_delivery_grows() -> None:
    """What was delivered and is not durable counts from its arrival, however long the destination is away."""
    meter = Meter()
    meter.delivered(10, 2000, 100.0)
    assert meter.read(400.0) == {"LagSeconds": 302.0, "Records": 10, "DeadLetters": 0}


def test_lag_of_an_open_batch() -> None:
    """An open batch is as old as its first delivery; the next batch, as the delivery that began it."""
    meter = Meter()
    meter.delivered(10, 0, 100.0)
    meter.settled(5)
    meter.delivered(10, 0, 130.0)
    meter.settled(5)
    assert meter.read(131.0)["LagSeconds"] == 31.0
    meter.delivered(10, 0, 160.0)
    meter.settled(9)  # a batch was cut within this delivery
    assert meter.read(161.0)["LagSeconds"] == 1.0


def test_lag_of_whoever_is_not_spoken_to() -> None:
    """A daemon that says nothing any more is late, though nothing is open."""
    meter = Meter()
    meter.delivered(1, 0, 100.0)
    meter.settled(None)
    assert meter.read(1000.0)["LagSeconds"] == 900.0


def test_counts_are_since_the_last_line() -> None:
    """Each record and each letter is in one line."""
    meter = Meter()
    meter.delivered(10, 0, 1.0)
    meter.rejected(3)
    first = meter.read(1.0)
    meter.delivered(5, 0, 2.0)
    second = meter.read(2.0)
    assert [(read["Records"], read["DeadLetters"]) for read in (first, second)] == [(10, 3), (5, 0)]


def test_a_shard_given_up_says_nothing() -> None:
    """Its lag is somebody else's."""
    meter = Meter()
    meter.delivered(10, 0, 1.0)
    meter.given_up()
    assert meter.read(500.0) == {}


def test_the_line_is_of_the_format() -> None:
    """Each value that the directive names stands at the root, with a unit, and so does the dimension."""
    line = document("events-archive", 1_700_000_000_000, LagSeconds=1.5, Records=2)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_700_000_000_000
    assert {one["Name"]: one["Unit"] for one in directive["Metrics"]} == {
        name: UNITS[name] for name in ("LagSeconds", "Records")
    }
    assert all(one["Name"] in line for one in directive["Metrics"])
    assert [[isinstance(line[name], str) for name in group] for group in directive["Dimensions"]] == [[True]]
