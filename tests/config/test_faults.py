"""Every fault is found, at its line, with what to do about it."""

from pathlib import Path

import pytest

from consumers.config.kcl_keys import REFUSED
from consumers.config.settings import load
from tests.config.sample import CONSUMERS, lines, refused, settings, write

TIMEOUTS = (
    "flushTimeoutSeconds",
    "gracefulLeaseHandoffTimeoutMillis",
    "shutdownGraceMillis",
    "stopTimeoutSeconds",
)


def _keys(folder: Path, changes: dict[str, str | None]) -> list[str]:
    return [fault.key for fault in refused(folder, lines(changes))]


def test_all_faults_are_listed_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    """One run of the check shows everything that is wrong."""
    text = (
        "consumer = sample\n"
        "# a comment\n"
        "streamName = events\n"
        "maxRecords = 10_000\n"
        "sample.maxBytes = 101\n"
        "sample.bucket = \\\n"
        "    A B\n"
        "flushTimeoutSeconds = 21\n"
        "timeoutInSeconds = 5\n"
    )
    faults = refused(tmp_path, text)
    assert [(fault.line, fault.key) for fault in faults] == [
        (0, "applicationName"),
        (0, "shutdownGraceMillis"),
        (4, "maxRecords"),
        (5, "sample.maxBytes"),
        (6, "sample.bucket"),
        (9, "timeoutInSeconds"),
    ]
    assert all(fault.problem and fault.remedy for fault in faults)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("MaxRecords", "maxRecords"),
        ("maxRecord", "maxRecords"),
        ("dynamoDbEndpoint", "dynamoDBEndpoint"),
        ("flushTimeoutSecs", "flushTimeoutSeconds"),
        ("jvm.heapMib", "jvm.heapMiB"),
        ("sample.maxByte", "sample.maxBytes"),
        ("consumerName", "fanoutConfig.consumerName"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path: Path, wrong: str, right: str) -> None:
    """KCL would ignore a typing error, also one of case, without a word."""
    (fault,) = refused(tmp_path, lines({wrong: "1"}))
    assert (fault.key, fault.line, fault.remedy) == (wrong, 5, f"Write {right}")


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_that_harms_is_refused(tmp_path: Path, key: str) -> None:
    """Each key of the list is refused, whatever its value."""
    assert _keys(tmp_path, {key: "1"}) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("skipShardSyncAtWorkerInitializationIfLeasesExist", "true"),
        ("callProcessRecordsEvenForEmptyRecordList", "false"),
        ("initialPositionInStream", "AT_TIMESTAMP"),
        ("retrievalMode", "DEFAULT"),
        ("maxRecords", "10001"),
        ("maxLeasesForWorker", "9"),
        ("cleanupLeasesUponShardCompletion", "ja"),
        ("kinesisEndpoint", "localhost:4567"),
        ("staleWorkerMetricsEntryCleanupDuration", "1 day"),
        ("initialPositionInStreamExtended", "yesterday"),
        ("consumer", "sampel"),
        ("log.level", "loud"),
        ("jvm.heapMiB", "512"),
        ("jvm.options", "-Xmx1g"),
        ("jvm.options", "-cp x"),
        ("streamArn", "arn:aws:s3:::bucket"),
        ("streamArn", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"),
    ],
)
def test_a_value_that_harms_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """KCL would take many of these for 0, false or something else, without a word."""
    faults = refused(tmp_path, lines({key: value}))
    assert {fault.key for fault in faults} <= {key, "streamName"}


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (("15", "15000", "20000", "45"), "gracefulLeaseHandoffTimeoutMillis"),
        (("15", "30000", "15000", "45"), "shutdownGraceMillis"),
        (("15", "30000", "45000", "45"), "stopTimeoutSeconds"),
    ],
)
def test_timeouts_must_fit_into_each_other(tmp_path: Path, values: tuple[str, ...], wrong: str) -> None:
    """Flush < hand-over and flush < grace < stop: equal is too little."""
    assert _keys(tmp_path, dict(zip(TIMEOUTS, values, strict=True))) == [wrong]


def test_timeouts_that_fit_are_accepted(tmp_path: Path) -> None:
    """A millisecond is enough."""
    values = ("15", "15001", "15001", "15.002")
    loaded = settings(tmp_path, dict(zip(TIMEOUTS, values, strict=True)))
    assert (loaded.flush_timeout_s, loaded.stop_timeout_s) == (15, 15.002)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("awsCredentialsProvider", "StaticCredentialsProvider|AKIAIOSFODNN7EXAMPLE|abc"),
        ("sample.bucket", "ASIAIOSFODNN7EXAMPLE"),
        ("aws.secretAccessKey", "wJalrXUtnFEMI"),
        ("db.password", "hunter2"),
    ],
)
def test_a_credential_is_refused_and_never_repeated(tmp_path: Path, key: str, value: str) -> None:
    """The message names the key and the line; the value stays out of logs."""
    faults = refused(tmp_path, lines({key: value}))
    assert key in {fault.key for fault in faults}
    assert not any(value in fault.render(tmp_path) for fault in faults)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    """Java would take the last; the fault names both lines. Another case of the prefix counts."""
    text = lines({}) + "streamName = other\n"
    (fault,) = refused(tmp_path, text)
    assert (fault.key, fault.line, fault.problem) == (
        "streamName",
        5,
        "given twice, first on line 2",
    )
    one = "DefaultCredentialsProvider"
    twice = lines({"awsCredentialsProvider": one}) + f"AWSCredentialsProvider = {one}\n"
    assert [fault.line for fault in refused(tmp_path, twice)] == [6]


@pytest.mark.parametrize("value", ["${env:NOPE}", "${env:}", "${env:A", "${env:A-b}"])
def test_a_reference_that_cannot_be_resolved_is_one_fault(tmp_path: Path, value: str) -> None:
    """An unset variable or a malformed reference names the key, and is not called missing too."""
    (fault,) = refused(tmp_path, lines({"sample.bucket": value}))
    assert (fault.key, fault.line) == ("sample.bucket", 4)


def test_a_key_of_another_consumer_is_refused(tmp_path: Path) -> None:
    """One file, one consumer."""
    (fault,) = refused(tmp_path, lines({"other.bucket": "b"}))
    assert fault.problem == "belongs to the consumer other, this file is for sample"


def test_what_fields_cannot_tell_the_consumer_tells(tmp_path: Path) -> None:
    """Its cross-field faults get their line and their remedy."""
    (fault,) = refused(tmp_path, lines({"sample.strict": "true", "sample.maxBytes": "51"}))
    assert (fault.key, fault.line) == ("sample.maxBytes", 6)
    assert (fault.problem, fault.remedy) == ("is too much for strict", "Lower it to 50")


def test_both_initial_positions_are_refused(tmp_path: Path) -> None:
    """KCL would take either, by the order of a hash table."""
    changes: dict[str, str | None] = {
        "initialPositionInStream": "LATEST",
        "initialPositionInStreamExtended": "1764547200",
    }
    assert _keys(tmp_path, changes) == ["initialPositionInStreamExtended"]
    del changes["initialPositionInStream"]
    assert "initialPositionInStream" not in settings(tmp_path, changes).kcl


@pytest.mark.parametrize("written", ["{key} =", "{key}", "{key}:", "{key} = \\\n", "{key} =   "])
def test_a_key_without_a_value_is_refused(tmp_path: Path, written: str) -> None:
    """It is half a line: what it should have said, or the rest of the line above, would be lost without a word."""
    (fault,) = refused(tmp_path, lines({}) + written.format(key="sample.maxBytes") + "\n")
    assert (fault.key, fault.line, fault.problem) == ("sample.maxBytes", 5, "has no value")


def test_a_blank_behind_a_backslash_is_refused(tmp_path: Path) -> None:
    """It ends the value, and makes a key of what was meant to be the rest. A backslash for itself may end it."""
    text = lines({}) + "workerMetricsTags = a=1, \\ \n    b.c\n"
    assert [(fault.key, fault.line) for fault in refused(tmp_path, text)] == [("workerMetricsTags", 5), ("b.c", 6)]
    assert (
        load(write(tmp_path, lines({}) + "workerMetricsTags = a\\\\ \n"), CONSUMERS, environment={}).kcl[
            "workerMetricsTags"
        ]
        == "a\\"
    )


@pytest.mark.parametrize("char", "\ufeff\u200b\u00a0\u2028\u00ad\x7f\u3000\u3164\u2800")
def test_what_nobody_sees_is_named(tmp_path: Path, char: str) -> None:
    """A reader sees two equal lines, of which one is not known, or names another bucket."""
    for line in (f"stream{char}Name = events\n", f"streamName = eve{char}nts\n"):
        text = lines({"streamName": None}) + line
        (fault,) = [one for one in refused(tmp_path, text) if one.line]
        assert (fault.key, fault.line) == ("streamName", 4)
        assert f"U+{ord(char):04X}" in fault.problem


@pytest.mark.parametrize("value", ['"events"', "'events'", "${env:NAME}"])
@pytest.mark.parametrize("key", ["streamName", "fanoutConfig.consumerName", "workerMetricsTags"])
def test_quotes_around_a_value_are_refused(tmp_path: Path, key: str, value: str) -> None:
    """Files of other kinds have them: here they would be characters of a name."""
    (fault,) = refused(tmp_path, lines({key: value}), {"NAME": '"events"'})
    assert (fault.key, fault.remedy) == (key, "Delete the quotes")
    assert settings(tmp_path, {"workerMetricsTags": "a='b'"}).kcl["workerMetricsTags"] == "a='b'"


def test_what_nobody_sees_is_found_in_a_variable_too(tmp_path: Path) -> None:
    """Copied from a page, as values of variables are."""
    (fault,) = refused(tmp_path, lines({"sample.bucket": "${env:B}"}), {"B": "a-\u200bbucket"})
    assert (fault.key, fault.line) == ("sample.bucket", 4)


@pytest.mark.parametrize(("written", "environment"), [("\\ud83d", {}), ("${env:B}", {"B": "a\udcff"})])
def test_half_of_a_pair_is_no_character(tmp_path: Path, written: str, environment: dict[str, str]) -> None:
    """From an escape, or from a variable that is no UTF-8: nothing could be written with it."""
    (fault,) = refused(tmp_path, lines({"workerMetricsTags": written}), environment)
    assert "U+D" in fault.problem
    assert fault.render(tmp_path).isascii()


@pytest.mark.parametrize("line", ["#  b=2,", "  ! no", "#"])
def test_a_comment_within_a_value_is_refused(tmp_path: Path, line: str) -> None:
    """A line was taken out of a list: Java takes it for a part of the value, and its sign too."""
    (fault,) = refused(tmp_path, lines({}) + f"workerMetricsTags = a=1, \\\n{line} \\\n  c=3\n")
    assert (fault.key, fault.line) == ("workerMetricsTags", 5)
    assert "no comment there" in fault.problem


@pytest.mark.parametrize("text", ["\ufeff", "\ufeff# ours\r\n", "\ufeff\n"])
def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path, text: str) -> None:
    """Editors put it there, and it stands for nothing."""
    assert load(write(tmp_path, text + lines({})), CONSUMERS, environment={}).stream == "events"


def test_an_empty_variable_is_no_value(tmp_path: Path) -> None:
    """It was meant to say something; where nothing is meant, the empty default says so."""
    (fault,) = refused(tmp_path, lines({"sample.maxBytes": "${env:MOST}"}), {"MOST": ""})
    assert fault.problem == "the environment variable MOST is empty"
