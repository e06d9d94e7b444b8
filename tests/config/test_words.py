"""Faults in an operator's words: what is wrong, once, and what to do."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from consumers.config.words import refusal
from tests.config.sample import lines, refused, settings

CODEC = Literal["", "gzip", "none"]


@pytest.mark.parametrize(
    ("value", "annotation", "told"),
    [
        ("64MB", int, "'64MB' is not a whole number"),
        ("0", Annotated[int, Meta(gt=0)], "must be more than 0, not 0"),
        ("20", Annotated[int, Meta(ge=0, le=19)], "must be at most 19, not 20"),
        ("1", Annotated[float, Meta(ge=24.0)], "must be at least 24, not 1"),
        ("soon", float, "'soon' is not a number"),
        ("ja", bool, "'ja' is neither true nor false"),
        ("snappy", Annotated[CODEC, Meta(description="x")], "'snappy' is none of gzip, none"),
        ("A B", Annotated[str, Meta(pattern="^a$")], "'A B' does not have the form asked for"),
        ("abc", Annotated[str, Meta(max_length=2)], "must have at most 2 characters, not 3"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(value: str, annotation: object, told: str) -> None:
    """No name of a type, no pattern, no bound that is kept."""
    assert refusal(value, annotation) == told


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("maxRecords", "10001", "must be at most 10000, not 10001"),
        ("idleTimeBetweenReadsInMillis", "1", "must be at least 200, not 1"),
        ("failoverTimeMillis", "9" * 30, f"{'9' * 30} is too large a number"),
        ("retrievalMode", "PULL", "'PULL' is none of POLLING, FANOUT"),
        ("regionName", "eu-west", "'eu-west' is not a region such as eu-west-1"),
        ("regionName", "EU-WEST-1", "'EU-WEST-1' is not a region such as eu-west-1"),
        ("applicationName", "a/b c", "'a/b c' is not a name of 3 to 255 letters, digits, '_', '.' and '-'"),
        ("streamName", "a stream", "'a stream' is not a name of 1 to 128 letters, digits, '_', '.' and '-'"),
        ("workerId", "w 1", "'w 1' is not a name of 1 to 200 ASCII characters without spaces"),
        ("awsCredentialsProvider", "default", "names a provider that Java alone would use"),
    ],
)
def test_a_wrong_value_of_kcl_is_one_fault(tmp_path: Path, key: str, value: str, problem: str) -> None:
    """KCL would fail later, or start with something else."""
    (fault,) = refused(tmp_path, lines({key: value}))
    assert (fault.key, fault.problem) == (key, problem)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("regionName", "us-gov-west-1"),
        ("regionName", "eusc-de-east-1"),
        ("regionName", "us-isob-east-1"),
        ("awsCredentialsProvider", "DefaultCredentialsProvider"),
        ("awsCredentialsProvider", "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"),
        ("workerId", "host-1/archive"),
        ("workerMetricsTags", "team = #one #two"),
    ],
)
def test_what_is_right_is_accepted(tmp_path: Path, key: str, value: str) -> None:
    """The shapes are no narrower than what AWS and KCL take."""
    assert settings(tmp_path, {key: value}).kcl.get(key, "") == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("consumer", "sample # the first"),
        ("streamName", "events # the players'"),
        ("maxRecords", "1000 ! fewer"),
        ("sample.maxBytes", "7 # few"),
        ("sample.bucket", "a-bucket #ours"),
        ("log.level", "info # or debug"),
    ],
)
def test_a_comment_behind_a_value_is_told_as_one(tmp_path: Path, key: str, value: str) -> None:
    """Java takes it for the value: it stands on a line of its own."""
    (fault,) = refused(tmp_path, lines({key: value}))
    assert (fault.key, fault.problem) == (key, "holds a comment, and a comment stands on a line of its own")


@pytest.mark.parametrize("wrong", ["streamname", "applicationname", "sample.buckets"])
def test_one_typing_error_is_one_fault(tmp_path: Path, wrong: str) -> None:
    """The key that it stands for is not called missing too."""
    right = {"streamname": "streamName", "applicationname": "applicationName"}.get(wrong, "sample.bucket")
    (fault,) = refused(tmp_path, lines({right: None, wrong: "a-name"}))
    assert (fault.key, fault.remedy) == (wrong, f"Write {right}")


def test_a_section_is_judged_when_the_consumer_is_misspelt(tmp_path: Path) -> None:
    """Its prefix tells whose it is: one run of the check shows everything."""
    changes = {"consumer": "sampel", "sample.maxBytes": "7MB", "sample.maxAge": "1", "sample.bucket": None}
    keys = {fault.key for fault in refused(tmp_path, lines(changes))}
    assert keys == {"consumer", "sample.bucket", "sample.maxBytes", "sample.maxAge"}


def test_our_own_seconds_are_told_in_seconds(tmp_path: Path) -> None:
    """Nobody has to convert what the file says."""
    (fault,) = refused(tmp_path, lines({"stopTimeoutSeconds": "10"}))
    assert fault.problem == "10 s end before shutdownGraceMillis (20 s) has passed"
    assert fault.remedy == "Give more than 20, or lower shutdownGraceMillis"
