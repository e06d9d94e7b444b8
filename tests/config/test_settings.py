"""What a properties file becomes, and what its defaults are."""

import socket
from pathlib import Path

import pytest

from consumers.config import effective
from consumers.config.settings import Faults, load
from consumers.registry import CONSUMERS as REGISTERED
from tests.config.sample import CONSUMERS, SampleSettings, refused, settings, write

TAMED = {
    "initialPositionInStream": "TRIM_HORIZON",
    "retrievalMode": "POLLING",
    "callProcessRecordsEvenForEmptyRecordList": "true",
    "shutdownGraceMillis": "20000",
    "gracefulLeaseHandoffTimeoutMillis": "30000",
    "shardSyncIntervalMillis": "1000",
    "leaseAssignmentIntervalMillis": "2000",
    "failoverTimeMillis": "10000",
    "skipShardSyncAtWorkerInitializationIfLeasesExist": "false",
}


def test_a_minimal_file_gets_the_tamed_values(tmp_path: Path) -> None:
    """KCL's dangerous defaults never reach the daemon."""
    kcl = settings(tmp_path).kcl
    assert {key: kcl[key] for key in TAMED} == TAMED
    assert kcl["maxLeasesForWorker"] == "8"
    assert kcl["workerId"] == f"{socket.gethostname()}-sample"


def test_a_given_value_wins_over_the_tamed_one(tmp_path: Path) -> None:
    """What the operator writes reaches KCL."""
    changes = {"failoverTimeMillis": "3000", "workerId": "w", "jvm.shards": "2"}
    loaded = settings(tmp_path, changes)
    assert (loaded.kcl["failoverTimeMillis"], loaded.worker) == ("3000", "w")
    assert loaded.kcl["maxLeasesForWorker"] == "2"


def test_the_section_becomes_the_consumers_struct(tmp_path: Path) -> None:
    """Texts become numbers and flags, as the struct declares them."""
    changes = {"sample.maxBytes": "7", "sample.maxAgeSeconds": "0.5", "sample.strict": "true"}
    expected = SampleSettings(bucket="a-bucket", max_bytes=7, max_age_seconds=0.5, strict=True)
    assert settings(tmp_path, changes).section == expected


def test_own_keys_and_kcls_are_told_apart(tmp_path: Path) -> None:
    """``kcl`` holds nothing of ours, ``own`` nothing of KCL's."""
    loaded = settings(tmp_path, {"jvm.shards": "3"})
    assert set(loaded.own) == {"consumer", "sample.bucket", "jvm.shards", "jvm.heapMiB"}
    assert not loaded.own.keys() & loaded.kcl.keys()


def test_the_environment_fills_in_what_differs_by_host(tmp_path: Path) -> None:
    """References and their defaults are resolved, once, and not within what they yield."""
    path = write(
        tmp_path,
        "consumer=sample\nstreamName=${env:S}\napplicationName=${env:A:-app}-${env:S}\n"
        "sample.bucket=${env:B:-}${env:C:-x}\nworkerId=${env:W}\n",
    )
    environment = {"S": "events", "W": "${env:S}"}
    loaded = load(path, consumers=CONSUMERS, environment=environment)
    assert (loaded.stream, loaded.application) == ("events", "app-events")
    assert loaded.section.bucket == "x"
    assert loaded.worker == "${env:S}"


def test_an_empty_default_leaves_a_key_out(tmp_path: Path) -> None:
    """An optional key then takes its own default; a required one is missing."""
    assert settings(tmp_path, {"sample.maxBytes": "${env:NOPE:-}"}).section.max_bytes == 10
    with pytest.raises(Faults, match=r"sample\.bucket: is missing\. Name a bucket"):
        settings(tmp_path, {"sample.bucket": "${env:NOPE:-}"})


def test_the_streams_name_comes_from_its_arn(tmp_path: Path) -> None:
    """One of the two is enough."""
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
    assert settings(tmp_path, {"streamName": None, "streamArn": arn}).stream == "clicks"


def test_what_the_launcher_writes_loads_as_the_same_settings(tmp_path: Path) -> None:
    """A child sees what the operator's file said, without its checks."""
    loaded = settings(tmp_path, {"sample.maxBytes": "7", "jvm.shards": "2", "workerId": "w:1=#"})
    text = effective.write({**loaded.kcl, "executableName": "x", **loaded.own})
    again = load(write(tmp_path, text), consumers=CONSUMERS, environment={})
    assert again.section == loaded.section
    assert again.jvm == loaded.jvm
    assert again.kcl == {**loaded.kcl, "executableName": "x"}


def test_an_effective_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """A child that cannot use its file says so, with the remedy."""
    (fault,) = refused(tmp_path, effective.write({"consumer": "gone"}))
    assert fault.remedy.startswith("Start the daemon again")


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """No traceback for a mistyped path."""
    with pytest.raises(Faults, match="cannot be read: No such file"):
        load(tmp_path / "none.properties", consumers=CONSUMERS)


def test_a_consumer_that_nobody_knows_is_a_fault_of_the_file(tmp_path: Path) -> None:
    """Also with the real registry, which imports by name: the remedy names what there is."""
    path = tmp_path / "unknown.properties"
    path.write_text("consumer = opensearch_index\nstreamName = s\napplicationName = app\n")
    with pytest.raises(Faults) as raised:
        load(path, REGISTERED, environment={})
    [fault] = [one for one in raised.value.faults if one.key == "consumer"]
    assert "opensearch_index" in fault.problem
    assert "index" in fault.remedy
