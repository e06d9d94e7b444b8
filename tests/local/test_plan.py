"""The plan: properties files that the consumers accept, and credentials that stay at home."""

from dataclasses import replace
from pathlib import Path

import pytest

from consumers.config.settings import load
from consumers.local.place import Place, programs
from consumers.local.plan import STOP_TIMEOUT_S, Plan
from consumers.local.sinks import SINKS
from consumers.registry import CONSUMERS

PLAN = Plan(
    stream="events",
    bucket="archive",
    prefix="a/b",
    application="demo-1",
    region="eu-north-1",
    endpoint="http://127.0.0.1:4567",
    embedded=True,
    shards=4,
    records=10,
    rate=0,
    seed=1,
)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, compression="zstd"),
        replace(PLAN, endpoint=None, embedded=False, begin_s=1_790_000_000),
        replace(PLAN, shards=40),
    ],
)
@pytest.mark.parametrize("name", SINKS)
def test_the_consumers_accept_their_properties(plan: Plan, name: str, tmp_path: Path) -> None:
    """Each variant passes the consumer's own check, and says what the plan says."""
    file = tmp_path / f"{name}.properties"
    file.write_text(plan.properties(name, SINKS[name].keys(plan, "http://127.0.0.1:9200")))
    settings = load(file, CONSUMERS)
    assert (settings.consumer, settings.stream) == (name, plan.stream)
    assert settings.application == plan.application_of(name)
    assert settings.stop_timeout_s == STOP_TIMEOUT_S
    assert settings.jvm.shards >= plan.shards


def test_the_sinks_keep_apart(tmp_path: Path) -> None:
    """Each has an application, and so leases, of its own; dead letters lie where the archive's audit never reads."""
    applications, runtimes, files = set(), set(), set()
    place = Place(tmp_path, tmp_path / "s")
    for name, sink in SINKS.items():
        applications.add(PLAN.application_of(name))
        runtimes.add(place.runtime(sink))
        files.add(place.properties(sink))
    assert len(applications) == len(runtimes) == len(files) == len(SINKS)
    prefix = SINKS["elasticsearch_index"].keys(PLAN, "http://127.0.0.1:9200")["index.deadLetters.prefix"]
    assert not str(prefix).startswith(f"{PLAN.prefix}/")


def test_real_credentials_never_reach_the_embedded_aws() -> None:
    """Every AWS variable of the user is withheld from an embedded run, and none from another."""
    mine = {"AWS_PROFILE": "work", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_ENDPOINT_URL": "x", "PATH": "/bin"}
    withheld = PLAN.environment(mine)
    assert withheld["PATH"] == "/bin"
    assert "AWS_PROFILE" not in withheld
    assert "AWS_ENDPOINT_URL" not in withheld
    assert "mine" not in withheld.values()
    assert replace(PLAN, embedded=False).environment(mine) == mine


def test_only_an_embedded_run_starts_servers(tmp_path: Path) -> None:
    """With an endpoint of one's own only daemons run; none starts before its file exists."""
    place, sinks = Place(tmp_path, tmp_path / "s"), list(SINKS.values())
    alone = programs(replace(PLAN, embedded=False), sinks[:1], place)
    assert [program.name for program in alone] == ["s3_archive"]
    assert not alone[0].autostart
    assert alone[0].stop_timeout_s == STOP_TIMEOUT_S
    assert [program.name for program in programs(PLAN, sinks[:1], place)] == ["aws", "s3_archive"]
    started = {program.name: program.autostart for program in programs(PLAN, sinks, place)}
    assert started == {
        "aws": True, "opensearch": True, "redshift": False, "s3_archive": False, "elasticsearch_index": False,
        "redshift_stage": False, "redshift-load": False,
    }  # fmt: skip
