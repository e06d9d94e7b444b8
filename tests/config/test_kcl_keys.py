"""The table of KCL's keys against the JARs, and the reference file against the tables."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from consumers.config.kcl_keys import KCL_KEYS, REFUSED
from consumers.config.keys import COMMON_KEYS
from consumers.config.settings import load
from consumers.kcl import jars
from consumers.registry import CONSUMERS
from consumers.s3_archive import ArchiveSettings

ROOT = Path(__file__).parents[2]
FULL = ROOT / "properties" / "s3_archive.full.properties"
MINIMAL = ROOT / "properties" / "s3_archive.minimal.properties"
ENVIRONMENT = {"ARCHIVE_BUCKET": "a-bucket"}

# Read by MultiLangDaemonConfig itself, and no bean properties.
READ_APART = {"executableName", "processingLanguage", "maxActiveThreads"}
# Of the clients' builders, which are open-ended, the table names the one that is of use.
OF_CLIENTS = {"cloudWatchClient.endpointOverride"}

# Understood and checked, and left out of the reference file: nobody has needed to touch them.
SELDOM = {
    "allowThroughputOvershoot",
    "cleanupLeasesUponShardCompletion",
    "clientVersionConfig",
    "coordinatorStateBillingMode",
    "coordinatorStateDeletionProtectionEnabled",
    "coordinatorStatePointInTimeRecoveryEnabled",
    "coordinatorStateReadCapacity",
    "coordinatorStateTags",
    "coordinatorStateWriteCapacity",
    "enablePriorityLeaseAssignment",
    "fanoutConfig.maxDescribeStreamConsumerRetries",
    "fanoutConfig.maxDescribeStreamSummaryRetries",
    "fanoutConfig.registerStreamConsumerRetries",
    "fanoutConfig.retryBackoffMillis",
    "ignoreUnexpectedChildShards",
    "inMemoryWorkerMetricsCaptureFrequencyMillis",
    "initialLeaseTableReadCapacity",
    "initialLeaseTableWriteCapacity",
    "listShardsBackoffTimeInMillis",
    "logWarningForTaskAfterMillis",
    "maxGetRecordsThreadPool",
    "maxListShardsRetryAttempts",
    "metricsEnabledDimensions",
    "millisBehindLatestThresholdForReducedTps",
    "noOfPersistedMetricsPerWorkerMetrics",
    "retryGetRecordsInSeconds",
    "schedulerInitializationBackoffTimeMillis",
    "staleWorkerMetricsEntryCleanupDuration",
    "taskBackoffTimeMillis",
    "validateSequenceNumberBeforeCheckpointing",
    "varianceBalancingFrequency",
    "workerMetricsBillingMode",
    "workerMetricsDeletionProtectionEnabled",
    "workerMetricsEMAAlpha",
    "workerMetricsPointInTimeRecoveryEnabled",
    "workerMetricsReadCapacity",
    "workerMetricsReporterFreqInMillis",
    "workerMetricsTags",
    "workerMetricsWriteCapacity",
}


def _commented() -> dict[str, str]:
    lines = re.findall(r"^#([A-Za-z.]+) = (.+)$", FULL.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(lines)


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")
def test_the_table_is_what_the_daemon_understands() -> None:
    """No key of the installed KCL is missing from the table, and none is invented."""
    source = Path(__file__).with_name("WritableProperties.java")
    answer = subprocess.run(
        ["java", "-cp", f"{jars.folder()}{os.sep}*", str(source)],
        capture_output=True,
        text=True,
        check=True,
    )
    understood = set(re.findall(r"^key (\S+)$", answer.stdout, re.MULTILINE))
    table = KCL_KEYS.keys() - OF_CLIENTS
    assert table | (REFUSED.keys() - READ_APART) == understood


@pytest.mark.parametrize("path", [MINIMAL, FULL], ids=lambda path: path.stem)
def test_the_shipped_files_load(path: Path) -> None:
    """Both examples need a bucket, and nothing else."""
    assert load(path, CONSUMERS, environment=ENVIRONMENT).section.bucket == "a-bucket"


def test_the_full_file_says_what_the_minimal_one_means() -> None:
    """Each line of the reference that is not commented out states a default."""
    full, minimal = (load(path, CONSUMERS, environment=ENVIRONMENT) for path in (FULL, MINIMAL))
    assert full.section == minimal.section
    assert full.kcl == minimal.kcl
    assert full.jvm == minimal.jvm


def test_every_key_stands_in_the_full_file() -> None:
    """A key can be looked up there, or is excluded by name above."""
    loaded = load(FULL, CONSUMERS, environment=ENVIRONMENT)
    stands = loaded.kcl.keys() | loaded.own.keys() | _commented().keys()
    fields = msgspec.structs.fields(ArchiveSettings)
    known = {*KCL_KEYS, *COMMON_KEYS, *(f"archive.{field.encode_name}" for field in fields)}
    assert known - stands == SELDOM
    assert stands <= known


@pytest.mark.parametrize("key", _commented())
def test_each_commented_example_is_valid(tmp_path: Path, key: str) -> None:
    """An operator who removes one # gets no fault, once what it replaces is gone."""
    text = MINIMAL.read_text(encoding="utf-8") + f"{key} = {_commented()[key]}\n"
    if key == "archive.kmsKeyId":
        text += "archive.sse = aws:kms\n"
    path = tmp_path / "one.properties"
    path.write_text(text, encoding="utf-8")
    loaded = load(path, CONSUMERS, environment=ENVIRONMENT)
    assert key in loaded.kcl or key in loaded.own
