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

ROOT = Path(__file__).parents[2]
NEEDS = {
    "s3_archive": {"ARCHIVE_BUCKET": "a-bucket"},
    "elasticsearch_index": {"SEARCH_URL": "https://search.example:9200", "DEAD_LETTERS_BUCKET": "a-bucket"},
    "redshift_stage": {
        "STAGING_BUCKET": "a-bucket",
        "DEAD_LETTERS_BUCKET": "a-bucket",
        "REDSHIFT_WORKGROUP": "a-workgroup",
    },
}
REPLACES = {"redshift.cluster": "redshift.workgroup"}
# What a commented example needs beside it, since one alone has no effect.
TOGETHER = {
    "archive.kmsKeyId": "archive.sse = aws:kms",
    "index.deadLetters.kmsKeyId": "index.deadLetters.sse = aws:kms",
    "index.credentialFile": "index.auth = basic",
    "index.clientCertificateFile": "index.clientKeyFile = /client.key",
    "index.clientKeyFile": "index.clientCertificateFile = /client.pem",
    "redshift.kmsKeyId": "redshift.sse = aws:kms",
    "redshift.deadLetters.kmsKeyId": "redshift.deadLetters.sse = aws:kms",
}

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


def _shipped(consumer: str, kind: str) -> Path:
    return ROOT / "properties" / f"{consumer}.{kind}.properties"


def _commented(consumer: str) -> dict[str, str]:
    text = _shipped(consumer, "full").read_text(encoding="utf-8")
    return dict(re.findall(r"^#([A-Za-z.]+) = (.+)$", text, re.MULTILINE))


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


def test_what_is_shipped_comes_in_pairs() -> None:
    """A file to begin with, and one that explains every key. `kinesis-fleet keys` writes those of others."""
    shipped = {path.name for path in (ROOT / "properties").glob("*.properties")}
    assert shipped == {f"{consumer}.{kind}.properties" for consumer in NEEDS for kind in ("minimal", "full")}
    assert NEEDS.keys() <= CONSUMERS.keys()


@pytest.mark.parametrize("kind", ["minimal", "full"])
@pytest.mark.parametrize("consumer", NEEDS)
def test_the_shipped_files_load(consumer: str, kind: str) -> None:
    """The examples need what differs by stage, and nothing else."""
    path = _shipped(consumer, kind)
    assert load(path, CONSUMERS, environment=NEEDS[consumer]).consumer == consumer


@pytest.mark.parametrize("consumer", NEEDS)
def test_the_full_file_says_what_the_minimal_one_means(consumer: str) -> None:
    """Each line of the reference that is not commented out states a default."""
    full, minimal = (
        load(_shipped(consumer, kind), CONSUMERS, environment=NEEDS[consumer]) for kind in ("full", "minimal")
    )
    assert full.section == minimal.section
    assert full.kcl == minimal.kcl
    assert full.jvm == minimal.jvm


@pytest.mark.parametrize("consumer", NEEDS)
def test_every_key_stands_in_the_full_file(consumer: str) -> None:
    """A key can be looked up there, or is excluded by name above."""
    loaded = load(_shipped(consumer, "full"), CONSUMERS, environment=NEEDS[consumer])
    stands = loaded.kcl.keys() | loaded.own.keys() | _commented(consumer).keys()
    of = CONSUMERS[consumer]
    fields = msgspec.structs.fields(of.settings)
    known = {*KCL_KEYS, *COMMON_KEYS, *(f"{of.section}.{field.encode_name}" for field in fields)}
    assert known - stands == SELDOM
    assert stands <= known


@pytest.mark.parametrize(("consumer", "key"), [(consumer, key) for consumer in NEEDS for key in _commented(consumer)])
def test_each_commented_example_is_valid(tmp_path: Path, consumer: str, key: str) -> None:
    """An operator who removes one # gets no fault, once what it replaces is gone."""
    replaced = REPLACES.get(key, "#")
    lines = _shipped(consumer, "minimal").read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith(replaced)) + f"{key} = {_commented(consumer)[key]}\n"
    text += f"{TOGETHER.get(key, '')}\n"
    path = tmp_path / "one.properties"
    path.write_text(text, encoding="utf-8")
    loaded = load(path, CONSUMERS, environment=NEEDS[consumer])
    assert key in loaded.kcl or key in loaded.own
