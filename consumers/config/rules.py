"""Rules that involve more than one key: credentials, forbidden values, and timeouts that must fit together."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from consumers.config.faults import Fault
from consumers.config.keys import Common, Key
from consumers.config.properties import Entry
from consumers.kcl import heap

Values = Mapping[str, str]
JAVA_AND_PYTHON = {"AWS_REGION": "AWS_DEFAULT_REGION", "AWS_PROFILE": "AWS_DEFAULT_PROFILE"}
"""Variables with the same meaning: the one that Java reads, and the one that botocore reads, or reads first."""

_ACCESS_KEY = re.compile(r"(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z0-9]{12,}")
_SECRET_NAME = re.compile(r"(?i)secret|passw(?:or)?d|accesskey|(?:session|auth|api)[._-]?(?:token|key)")
_ARN_PARTS = 6
_HEAP_OPTION = re.compile(r"-X(?:mx|ms|mn)|-XX:(?:MaxHeapSize|MaxNewSize|NewSize)")
_AWS_OPTION = re.compile(r"-Daws\.(?!cborEnabled)")
_JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_OWN_OPTION = re.compile(r"-cp$|--?class-?path|-jar$|-Dlogback\.|-Dfile\.encoding")


def secret(entry: Entry) -> Fault | None:
    """Return a fault if the entry looks like a credential. The value is never repeated."""
    if not _SECRET_NAME.search(entry.key) and not _ACCESS_KEY.search(entry.value):
        return None
    problem = "looks like a credential, and the daemon logs each key with its value"
    remedy = "Delete it: AWS is left to the host's role (awsCredentialsProvider), a password to index.credentialFile"
    return Fault(entry.key, problem, remedy, entry.line)


def environment(given: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each variable that Java and Python would interpret differently.

    The region is checked because it is written into the file for KCL. Source: "Settings reference", AWS SDKs and Tools
    Reference Guide; "Configuration", Boto3. Java's SDK has no class that knows AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: it
    would still use the endpoints.
    """
    for name in _REGIONS:
        if (value := given.get(name)) and (problem := Key(name, "region").problem(value)):
            yield Fault("", f"the environment has {name}, and {problem}", "Correct it, or unset it")
    java, python = given.get("AWS_PROFILE"), given.get("AWS_DEFAULT_PROFILE")
    if java and python and java != python:
        problem = (
            "the environment has AWS_PROFILE, which Java reads, and another AWS_DEFAULT_PROFILE, which Python does"
        )
        yield Fault("", problem, "Unset AWS_DEFAULT_PROFILE")
    if bool(given.get("AWS_ACCESS_KEY_ID")) != bool(given.get("AWS_SECRET_ACCESS_KEY")):
        problem = "the environment has one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and Java goes on without"
        yield Fault("", problem, "Set both, or unset both")
    if (token := given.get("AWS_SECURITY_TOKEN")) and token != given.get("AWS_SESSION_TOKEN"):
        problem = "the environment has AWS_SECURITY_TOKEN, which Python alone reads"
        yield Fault("", problem, "Unset it, and set AWS_SESSION_TOKEN where the keys have one")
    if given.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        problem = "the environment has AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, which Python alone reads"
        yield Fault("", problem, "Unset it, and AWS_ENDPOINT_URL too")
    for name in _JAVA_OPTIONS:
        for option in filter(_AWS_OPTION.match, given.get(name, "").split()):
            problem = f"the environment's {name} sets {option.partition('=')[0]}, which Java alone reads"
            yield Fault("", problem, "Take it out, and set the environment's AWS_*: Python reads that too")


def _required(values: Values, common: Common) -> Iterator[Fault]:
    del common
    if not values.get("applicationName"):
        remedy = "Name this consumer's own application: it names the lease table"
        yield Fault("applicationName", "is missing", remedy)
    arn = values.get("streamArn", "")
    if not values.get("streamName") and not arn:
        yield Fault("streamName", "is missing", "Name the stream, or give streamArn")
    if arn and re.fullmatch(r"arn:[^:]+:kinesis:[^:]+:\d{12}:stream/[A-Za-z0-9_.-]+", arn) is None:
        remedy = "Write arn:aws:kinesis:REGION:ACCOUNT:stream/NAME"
        yield Fault("streamArn", "is not the ARN of a stream", remedy)
    elif arn and values.get("streamName", arn.rpartition("/")[2]) != arn.rpartition("/")[2]:
        yield Fault("streamName", "is not the stream of streamArn", "Delete one of the two")


def _region(values: Values, common: Common) -> Iterator[Fault]:
    del common
    from consumers.aws import partition_of  # noqa: PLC0415 - only the check of a file needs botocore

    arn, region = values.get("streamArn", "").split(":"), values.get("regionName")
    if len(arn) == _ARN_PARTS and (partition := partition_of(arn[3])) not in {"aws", arn[1]}:
        remedy = f"Write arn:{partition}:kinesis:{arn[3]}:ACCOUNT:stream/NAME"
        yield Fault("streamArn", f"names the partition {arn[1]}, and its region lies in {partition}", remedy)
    if len(arn) == _ARN_PARTS and region and arn[3] != region:
        yield Fault("regionName", f"is not the region of streamArn, {arn[3]}", "Delete one of the two")


def _positions(values: Values, common: Common) -> Iterator[Fault]:
    del common
    if "initialPositionInStream" in values and "initialPositionInStreamExtended" in values:
        problem = "stands beside initialPositionInStream, and either may win"
        yield Fault("initialPositionInStreamExtended", problem, "Delete one of the two")


def _switches(values: Values, common: Common) -> Iterator[Fault]:
    del common
    if values.get("skipShardSyncAtWorkerInitializationIfLeasesExist", "").lower() == "true":
        yield Fault(
            "skipShardSyncAtWorkerInitializationIfLeasesExist",
            "turns off the filter that keeps sub-records of an aggregate single after a reshard",
            "Write false, or delete it",
        )
    if values.get("callProcessRecordsEvenForEmptyRecordList", "").lower() == "false":
        yield Fault(
            "callProcessRecordsEvenForEmptyRecordList",
            "leaves a quiet shard's last records unflushed for ever",
            "Write true, or delete it",
        )


def _timeouts(values: Values, common: Common) -> Iterator[Fault]:
    handoff_ms = int(values["gracefulLeaseHandoffTimeoutMillis"])
    grace_ms = int(values["shutdownGraceMillis"])
    flush_ms, stop_ms = common.flush_timeout_s * 1000, common.stop_timeout_s * 1000
    if flush_ms >= handoff_ms:
        problem = f"{handoff_ms} ms end before a flush of {common.flush_timeout_s:g} s has ended"
        remedy = f"Give more than {flush_ms:g}, or lower flushTimeoutSeconds"
        yield Fault("gracefulLeaseHandoffTimeoutMillis", problem, remedy)
    if flush_ms >= grace_ms:
        problem = f"{grace_ms} ms end before a flush of {common.flush_timeout_s:g} s has ended"
        remedy = f"Give more than {flush_ms:g}, or lower flushTimeoutSeconds"
        yield Fault("shutdownGraceMillis", problem, remedy)
    if grace_ms >= stop_ms:
        problem = f"{common.stop_timeout_s:g} s end before shutdownGraceMillis ({grace_ms / 1000:g} s) has passed"
        remedy = f"Give more than {grace_ms / 1000:g}, or lower shutdownGraceMillis"
        yield Fault("stopTimeoutSeconds", problem, remedy)


def _jvm(values: Values, common: Common) -> Iterator[Fault]:
    leases = int(values["maxLeasesForWorker"])
    if leases > common.jvm_shards:
        problem = f"{leases} leases exceed the {common.jvm_shards} shards that the heap is made for"
        yield Fault("maxLeasesForWorker", problem, "Delete it, or raise jvm.shards")
    needed_mib = heap.needed_mib(common.jvm_shards, int(values["maxRecords"]))
    if 0 < common.jvm_heap_mib < needed_mib:
        problem = f"{common.jvm_heap_mib} MiB die of OutOfMemoryError at {common.jvm_shards} shards"
        remedy = f"Give {needed_mib} MiB or more, lower jvm.shards, or delete it"
        yield Fault("jvm.heapMiB", problem, remedy)
    for option in common.jvm_options.split():
        if _HEAP_OPTION.match(option):
            yield Fault("jvm.options", f"sets {option}", "Set jvm.heapMiB instead")
        elif _AWS_OPTION.match(option):
            problem = f"sets {option.partition('=')[0]}, which Java alone reads"
            yield Fault("jvm.options", problem, "Delete it, and set the environment's AWS_*: Python reads that too")
        elif _OWN_OPTION.match(option) or not option.startswith("-"):
            yield Fault("jvm.options", f"sets {option}", "Delete it: the launcher sets that")


RULES: Iterable[Callable[[Values, Common], Iterator[Fault]]] = (
    _required,
    _region,
    _positions,
    _switches,
    _timeouts,
    _jvm,
)
