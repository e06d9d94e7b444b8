"""The printed policies: their example files are what the command prints, and what it cannot know it asks for."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumers.cli import main
from tests.support.servers import ROOT

IAM = ROOT / "ansible" / "iam"
NAMES = {
    "AWS_REGION": "eu-west-1",
    "ARCHIVE_BUCKET": "my-archive",
    "DEAD_LETTERS_BUCKET": "my-dead-letters",
    "STAGING_BUCKET": "my-staging-area",
    "SEARCH_URL": "https://search.example.com:9200",
    "REDSHIFT_WORKGROUP": "player-events",
}
ROLES = [
    ("s3_archive", "consumer"),
    ("s3_archive", "operator"),
    ("elasticsearch_index", "consumer"),
    ("elasticsearch_index", "operator"),
    ("redshift_stage", "consumer"),
    ("redshift_stage", "operator"),
    ("redshift_stage", "loader"),
]
ACCOUNT = ("--account", "123456789012")


def policy(file: Path, *options: str, region: str | None = "eu-west-1") -> Result:
    """Print a policy."""
    return CliRunner(env={**NAMES, "AWS_REGION": region, "AWS_DEFAULT_REGION": None}).invoke(
        main, ["policy", *options, str(file)]
    )


def minimal(consumer: str) -> Path:
    """Name the example of a consumer."""
    return ROOT / "properties" / f"{consumer}.minimal.properties"


@pytest.mark.parametrize(("consumer", "role"), ROLES)
def test_rendered_policies_are_what_is_printed(consumer: str, role: str) -> None:
    """`RENDER=1 pytest tests/test_policy.py` writes them anew."""
    result = policy(minimal(consumer), *ACCOUNT, "--role", role)
    assert result.exit_code == 0, result.output
    file = IAM / f"{consumer}.{role}.json"
    if os.environ.get("RENDER"):
        file.write_text(result.output)
    assert file.read_text() == result.output


def test_nothing_else_is_rendered() -> None:
    """Each file is one of a role that there is."""
    assert {path.name for path in IAM.iterdir()} == {f"{consumer}.{role}.json" for consumer, role in ROLES}


@pytest.mark.parametrize(("consumer", "role"), ROLES)
def test_no_policy_is_wide(consumer: str, role: str) -> None:
    """No action has a wildcard; only publishing metrics names every resource, under a condition."""
    for statement in json.loads(policy(minimal(consumer), *ACCOUNT, "--role", role).output)["Statement"]:
        assert not any("*" in action for action in statement["Action"])
        assert "*" not in statement["Resource"] or statement["Condition"]


@pytest.mark.parametrize(("consumer", "role"), [one for one in ROLES if one[1] != "loader"])
def test_nobody_but_the_loader_may_delete(consumer: str, role: str) -> None:
    """Nothing of S3: letters that are put through again or purged leave an empty object in their place."""
    statements = json.loads(policy(minimal(consumer), *ACCOUNT, "--role", role).output)["Statement"]
    assert not [action for statement in statements for action in statement["Action"] if action.startswith("s3:Delete")]


def test_what_is_not_known_is_asked_for() -> None:
    """An account, a region, and a role that the consumer has."""
    file = minimal("s3_archive")
    for result in (policy(file), policy(file, *ACCOUNT, region=None)):
        assert result.exit_code == 2
        assert "not known" in result.output
    short = policy(file, "--account", "1234-5678-9012")
    assert short.exit_code == 2
    assert "'1234-5678-9012' is no account" in short.output
    other = policy(file, *ACCOUNT, "--role", "loader")
    assert other.exit_code == 78
    assert "It has: consumer" in other.output


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("mx-central-1", "aws"),
    ],
)
def test_names_are_of_the_partition_of_the_region(region: str, partition: str) -> None:
    """IAM refuses a policy with any other."""
    names = re.findall(r"arn:[^:]+", policy(minimal("redshift_stage"), *ACCOUNT, region=region).output)
    assert set(names) == {f"arn:{partition}"}


def test_a_key_is_one_of_where_its_bucket_is(tmp_path: Path) -> None:
    """A bucket may stand in another region than the stream; an alias is no resource of a policy."""
    text = minimal("s3_archive").read_text() + "archive.region = eu-north-1\narchive.sse = aws:kms\n"
    alias = "arn:aws:kms:eu-south-1:123456789012:alias/fleet"
    for key, resource in {
        "": "arn:aws:kms:eu-north-1:123456789012:key/*",
        f"archive.kmsKeyId = {alias}\n": "arn:aws:kms:eu-south-1:123456789012:key/*",
        f"archive.kmsKeyId = {alias.replace('alias/fleet', 'key/k')}\n": "arn:aws:kms:eu-south-1:123456789012:key/k",
    }.items():
        file = tmp_path / "archive.properties"
        file.write_text(text + key)
        (found,) = [one for one in json.loads(policy(file, *ACCOUNT).output)["Statement"] if "kms" in one["Action"][0]]
        assert found["Resource"] == [resource]
