"""Java and Python mean the same by what the file and the environment say, or it is refused."""

from pathlib import Path

import pytest

from consumers.config.settings import load
from tests.config.sample import CONSUMERS, lines, refused, settings, write

ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/events"


def _keys(folder: Path, changes: dict[str, str | None]) -> list[str]:
    return [fault.key for fault in refused(folder, lines(changes))]


def test_java_and_python_find_the_same_profile(tmp_path: Path) -> None:
    """Each reads a variable of its own: where they differ, nobody could say whose leases these are."""
    (fault,) = refused(tmp_path, lines({}), {"AWS_PROFILE": "one", "AWS_DEFAULT_PROFILE": "two"})
    assert fault.remedy == "Unset AWS_DEFAULT_PROFILE"
    load(write(tmp_path, lines({})), CONSUMERS, environment={"AWS_PROFILE": "one", "AWS_DEFAULT_PROFILE": "one"})


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ACCESS_KEY_ID": "a"},
        {"AWS_SECRET_ACCESS_KEY": "a", "AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECURITY_TOKEN": "a", "AWS_SESSION_TOKEN": "b"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_REGION": "Ireland"},
        {"AWS_DEFAULT_REGION": " "},
        {"JAVA_TOOL_OPTIONS": "-Xss1m -Daws.region=eu-west-2"},
        {"JDK_JAVA_OPTIONS": "-Daws.accessKeyId=a"},
        {"_JAVA_OPTIONS": "-Daws.profile=b"},
    ],
)
def test_variables_that_one_of_the_two_takes_otherwise_are_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    """The daemon would be somebody else than the proofs before it, or read another place. No value is repeated."""
    (fault,) = refused(tmp_path, lines({}), environment)
    assert next(name for name, value in environment.items() if value) in fault.problem
    assert "accessKeyId=a" not in fault.problem


def test_variables_that_both_take_alike_are_no_fault(tmp_path: Path) -> None:
    """Former tools set the token twice, and options of Java are the operator's."""
    environment = {
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"), "a"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "JAVA_TOOL_OPTIONS": "-Xss1m",
    }
    load(write(tmp_path, lines({})), CONSUMERS, environment=environment)


@pytest.mark.parametrize(
    ("changes", "environment", "region"),
    [
        ({"streamArn": ARN}, {"AWS_REGION": "eu-west-2"}, "eu-west-1"),
        ({}, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-2"),
        ({}, {"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"regionName": "eu-west-4"}, {"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-4"),
    ],
)
def test_the_region_is_the_same_to_java_and_to_python(
    tmp_path: Path, changes: dict[str, str | None], environment: dict[str, str], region: str
) -> None:
    """Each would look for it in places of its own: it is found once, and written down for both."""
    assert load(write(tmp_path, lines(changes)), CONSUMERS, environment=environment).kcl["regionName"] == region


def test_a_region_beside_the_arn_of_another_is_refused(tmp_path: Path) -> None:
    """One of the two would win, and not the same one everywhere."""
    assert _keys(tmp_path, {"streamArn": ARN, "regionName": "eu-west-2"}) == ["regionName"]


def test_an_arn_of_another_partition_is_refused(tmp_path: Path) -> None:
    """Copied from a page, it has the partition that most have; where the region is not known, nothing is."""
    (fault,) = refused(tmp_path, lines({"streamArn": ARN.replace("eu-west-1", "cn-north-1")}))
    assert (fault.key, fault.remedy) == ("streamArn", "Write arn:aws-cn:kinesis:cn-north-1:ACCOUNT:stream/NAME")
    for arn in (ARN.replace("aws", "aws-us-gov").replace("eu-west-1", "us-gov-west-1"), ARN.replace("aws", "aws-new")):
        assert settings(tmp_path, {"streamArn": arn}).stream == "events"


@pytest.mark.parametrize("option", ["-Daws.region=eu-west-2", "-Daws.profile=two", "-Daws.useFipsEndpoint=true"])
def test_what_java_alone_would_read_is_refused(tmp_path: Path, option: str) -> None:
    """The daemon would read one stream, and the rest of the fleet speak of another."""
    assert _keys(tmp_path, {"jvm.options": f"-XX:+UseSerialGC {option}"}) == ["jvm.options"]
    assert settings(tmp_path, {"jvm.options": "-Daws.cborEnabled=false"}).jvm.options == ("-Daws.cborEnabled=false",)


@pytest.mark.parametrize("key", ["awsCredentialsProvider", "AWSCredentialsProviderDynamoDB"])
@pytest.mark.parametrize(
    "value",
    [
        "ProfileCredentialsProvider|reader",
        "DefaultAWSCredentialsProviderChain",
        "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "DefaultCredentialsProvider, EnvironmentVariableCredentialsProvider",
        "StsAssumeRoleCredentialsProvider|arn:aws:iam::123456789012:role/a|s",
    ],
)
def test_a_provider_that_java_alone_knows_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """Everything but the daemon itself is Python. Names of the former SDK let the daemon die at each start."""
    (fault,) = refused(tmp_path, lines({key: value}))
    assert "AWS_PROFILE" in fault.remedy
    assert value not in fault.render(tmp_path)
