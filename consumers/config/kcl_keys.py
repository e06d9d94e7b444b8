"""Every key that KCL's MultiLangDaemon 3.1.3 understands, and the values that the fleet sets.

The list has the writable bean properties of ``MultiLangDaemonConfiguration`` and of its nested beans.
Names are case sensitive there (except ``awsCredentialsProvider*``), and KCL silently ignores any
other key. Dotted names reach ``fanoutConfig`` and the clients. ``shardPrioritization`` is a bean
property too, but no text can be converted to it.
"""

from collections.abc import Mapping

from consumers.config.keys import Key

_LONG = 2**63 - 1
_PERCENT = 100
_BILLING = ("PAY_PER_REQUEST", "PROVISIONED")
_POSITIONS = ("TRIM_HORIZON", "LATEST")
# KCL knows DEFAULT too. It means enhanced fan-out, which is billed, unless the file has a polling key.
_MODES = ("POLLING", "FANOUT")
_LEVELS = ("NONE", "SUMMARY", "DETAILED")
_CLIENT_VERSIONS = (
    "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X",
    "CLIENT_VERSION_CONFIG_3X",
)


def _millis(name: str, tamed: str | None = None, least: int = 0) -> Key:
    return Key(name, "int", tamed, least=least, most=_LONG)


def _count(name: str, tamed: str | None = None, least: int = 1, most: int = 2**31 - 1) -> Key:
    return Key(name, "int", tamed, least=least, most=most)


def _flag(name: str, tamed: str | None = None) -> Key:
    return Key(name, "bool", tamed)


def _table(prefix: str, name: str) -> tuple[Key, ...]:
    return (
        Key(name, "table"),
        Key(f"{prefix}BillingMode", choices=_BILLING),
        _count(f"{prefix}ReadCapacity"),
        _count(f"{prefix}WriteCapacity"),
        _flag(f"{prefix}PointInTimeRecoveryEnabled"),
        _flag(f"{prefix}DeletionProtectionEnabled"),
        Key(f"{prefix}Tags", free=True),
    )


_IDENTITY = (
    Key("applicationName", "table"),
    Key("streamName", "stream"),
    Key("streamArn"),
    Key("workerId", "worker"),
    Key("tableName", "table"),
    Key("regionName", "region"),
    Key("kinesisEndpoint", "url"),
    Key("dynamoDBEndpoint", "url"),
    Key("cloudWatchClient.endpointOverride", "url"),
    Key("awsCredentialsProvider", "provider", tamed="DefaultCredentialsProvider"),
    Key("awsCredentialsProviderDynamoDB", "provider"),
    Key("awsCredentialsProviderCloudWatch", "provider"),
)

_READING = (
    Key("initialPositionInStream", tamed="TRIM_HORIZON", choices=_POSITIONS),
    # Epoch seconds, instead of initialPositionInStream.
    _count("initialPositionInStreamExtended", most=2**40),
    Key("retrievalMode", tamed="POLLING", choices=_MODES),
    _count("maxRecords", "10000", most=10_000),
    # KCL's default is 1,500 ms. Below 200 ms it warns and uses 200: a shard allows 5 reads/s.
    _millis("idleTimeBetweenReadsInMillis", "1000", least=200),
    _millis("millisBehindLatestThresholdForReducedTps"),
    _count("retryGetRecordsInSeconds"),
    _count("maxGetRecordsThreadPool"),
    _flag("callProcessRecordsEvenForEmptyRecordList", "true"),
    Key("fanoutConfig.consumerArn"),
    Key("fanoutConfig.consumerName"),
    _count("fanoutConfig.maxDescribeStreamSummaryRetries"),
    _count("fanoutConfig.maxDescribeStreamConsumerRetries"),
    _count("fanoutConfig.registerStreamConsumerRetries"),
    _millis("fanoutConfig.retryBackoffMillis"),
)

_LEASES = (
    _millis("failoverTimeMillis", "10000", least=1000),
    _millis("leaseAssignmentIntervalMillis", "2000", least=100),
    _millis("shardSyncIntervalMillis", "1000", least=100),
    _count("maxLeasesForWorker"),
    _count("maxLeasesToStealAtOneTime"),
    _count("maxLeaseRenewalThreads", least=2),
    _count("initialLeaseTableReadCapacity"),
    _count("initialLeaseTableWriteCapacity"),
    _count("maxListShardsRetryAttempts"),
    _millis("listShardsBackoffTimeInMillis"),
    _flag("enablePriorityLeaseAssignment"),
    _flag("leaseTableDeletionProtectionEnabled"),
    _flag("leaseTablePitrEnabled"),
    _flag("cleanupLeasesUponShardCompletion"),
    _flag("ignoreUnexpectedChildShards"),
    _flag("skipShardSyncAtWorkerInitializationIfLeasesExist", "false"),
    _flag("isGracefulLeaseHandoffEnabled", "true"),
    _millis("gracefulLeaseHandoffTimeoutMillis", "30000"),
)

_BALANCE = (
    _millis("inMemoryWorkerMetricsCaptureFrequencyMillis"),
    _millis("workerMetricsReporterFreqInMillis"),
    _count("noOfPersistedMetricsPerWorkerMetrics"),
    _flag("disableWorkerMetrics"),
    Key("maxThroughputPerHostKBps", "number", most=1e12),
    _count("dampeningPercentage", most=_PERCENT),
    _count("reBalanceThresholdPercentage", most=_PERCENT),
    _flag("allowThroughputOvershoot"),
    _count("varianceBalancingFrequency"),
    Key("workerMetricsEMAAlpha", "number", most=1),
    Key("staleWorkerMetricsEntryCleanupDuration", "duration"),
)

_RUNNING = (
    _millis("shutdownGraceMillis", "20000"),
    _millis("parentShardPollIntervalMillis"),
    _millis("taskBackoffTimeMillis"),
    _millis("schedulerInitializationBackoffTimeMillis"),
    _millis("logWarningForTaskAfterMillis"),
    _flag("validateSequenceNumberBeforeCheckpointing"),
    Key("clientVersionConfig", choices=_CLIENT_VERSIONS),
    # SUMMARY, because KCL's default DETAILED is billed per shard.
    Key("metricsLevel", tamed="SUMMARY", choices=_LEVELS),
    _millis("metricsBufferTimeMillis"),
    _count("metricsMaxQueueSize"),
    Key("metricsEnabledDimensions"),
)

KCL_KEYS: Mapping[str, Key] = {
    key.name: key
    for group in (
        _IDENTITY,
        _READING,
        _LEASES,
        _BALANCE,
        _RUNNING,
        _table("workerMetrics", "workerMetricsTableName"),
        _table("coordinatorState", "coordinatorStateTableName"),
    )
    for key in group
}

REFUSED: Mapping[str, tuple[str, str]] = {
    "timeoutInSeconds": (
        (
            "cannot tell a consumer that waits for its destination from one that hangs, and halts "
            "every shard of the host"
        ),
        "Delete it: a child waits as long as its destination is away",
    ),
    "executableName": ("is computed by the launcher", "Delete it"),
    "processingLanguage": ("is computed by the launcher", "Delete it"),
    "workerIdentifier": ("is a second name of workerId", "Write workerId"),
    "maxActiveThreads": (
        "bounds the threads that the pipes of all shards share, so that one shard can stop another",
        "Delete it, and bound the shards with jvm.shards",
    ),
    "shardPrioritization": ("cannot be set from a properties file", "Delete it"),
}
