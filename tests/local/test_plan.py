"""The plan: a properties file that the consumer accepts, and credentials that stay at home."""

from dataclasses import replace
from pathlib import Path

import pytest

from consumers.config.settings import load
from consumers.local.place import DAEMON, Place, programs
from consumers.local.plan import STOP_TIMEOUT_S, Plan
from consumers.local.supervisord import Program
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
def test_the_consumer_accepts_its_properties(plan: Plan, tmp_path: Path) -> None:
    """Each variant passes the consumer's own check, and says what the plan says."""
    file = tmp_path / "s3_archive.properties"
    file.write_text(plan.properties())
    settings = load(file, CONSUMERS)
    assert (settings.stream, settings.application) == (plan.stream, plan.application)
    assert settings.stop_timeout_s == STOP_TIMEOUT_S
    assert settings.section.bucket == plan.bucket
    assert settings.jvm.shards >= plan.shards


def test_real_credentials_never_reach_the_embedded_aws() -> None:
    """Every AWS variable of the user is withheld from an embedded run, and none from another."""
    mine = {"AWS_PROFILE": "work", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_ENDPOINT_URL": "x", "PATH": "/bin"}
    withheld = PLAN.environment(mine)
    assert withheld["PATH"] == "/bin"
    assert "AWS_PROFILE" not in withheld
    assert "AWS_ENDPOINT_URL" not in withheld
    assert "mine" not in withheld.values()
    assert replace(PLAN, embedded=False).environment(mine) == mine


def test_only_an_embedded_run_starts_the_embedded_aws(tmp_path: Path) -> None:
    """With an endpoint of one's own only the daemon runs; it never starts before its file exists."""
    place = Place(tmp_path, tmp_path / "s")
    alone: list[Program] = programs(replace(PLAN, embedded=False), place)
    assert [program.name for program in alone] == [DAEMON]
    assert len(programs(PLAN, place)) == 2
    assert not alone[0].autostart
    assert alone[0].stop_timeout_s == STOP_TIMEOUT_S
